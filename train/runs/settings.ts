/** Settings of a run by `--key=value`: typed configs, and what is said of a value that cannot be used. */

/** A setting that cannot be used; the message says which, why, and what is possible. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * Applies `--key=value` pairs to a config. A key must exist and a value must be of the key's type.
 * @throws {ConfigError} naming the key; an unknown one is answered with the list of keys
 */
export function override<C extends object>(config: C, pairs: Readonly<Record<string, string>>): C {
  const result = { ...config } as Record<string, unknown>;
  for (const [key, text] of Object.entries(pairs)) {
    if (!Object.hasOwn(result, key)) {
      throw new ConfigError(`--${key} is no setting. Settings are: ${Object.keys(config).join(", ")}.`);
    }
    result[key] = readValue(key, text, result[key]);
  }
  return result as unknown as C;
}

/** Reads a value of the type that the setting has now; `queueSize` alone takes a number or a word. */
function readValue(key: string, text: string, now: unknown): unknown {
  const wrong = (kind: string) => new ConfigError(`--${key}=${text}: ${key} takes ${kind}, such as ${now}.`);
  if (Array.isArray(now)) {
    const values = text.split(",").map(Number);
    if (values.length !== now.length || values.some(Number.isNaN)) throw wrong(`${now.length} numbers`);
    return values;
  }
  if (typeof now === "boolean") {
    if (text !== "true" && text !== "false") throw wrong("true or false");
    return text === "true";
  }
  const isNumber = text.trim() !== "" && Number.isFinite(Number(text));
  if (key === "queueSize") {
    if (!isNumber && text !== "auto") throw wrong('a number or "auto"');
    return isNumber ? Number(text) : text;
  }
  if (typeof now === "number") {
    if (!isNumber) throw wrong("a number");
    return Number(text);
  }
  return text;
}
