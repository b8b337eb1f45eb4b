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

/** Demands on the settings of a config, each with a sentence that names the setting when it is not met. */
export interface Demands<C> {
  /** @throws {ConfigError} with the sentence unless it holds */
  demand(holds: boolean, sentence: string): void;
  /** Each of the settings is one of the values. */
  oneOf(key: keyof C & string, values: readonly unknown[]): void;
  /** Each is a number of at least `least`, a whole one unless said otherwise. */
  atLeast(keys: readonly (keyof C & string)[], least: number, kind?: "whole" | "any"): void;
  /** Each is a number from `least` to `most`. */
  within(keys: readonly (keyof C & string)[], least: number, most: number): void;
}

/** Opens the demands on a config. */
export function demandsOn<C>(config: C): Demands<C> {
  const demand = (holds: boolean, sentence: string) => {
    if (!holds) throw new ConfigError(sentence);
  };
  return {
    demand,
    oneOf: (key, values) =>
      demand(values.includes(config[key]), `${key} is "${config[key]}"; it can be ${values.join(", ")}.`),
    atLeast: (keys, least, kind = "whole") =>
      keys.forEach((key) => {
        const value = config[key] as number;
        const what = kind === "whole" ? "a whole number" : "a number";
        demand(
          value >= least && (kind === "any" || Number.isInteger(value)),
          `${key} is ${value}; it must be ${what} of at least ${least}.`,
        );
      }),
    within: (keys, least, most) =>
      keys.forEach((key) => {
        const value = config[key] as number;
        demand(
          least <= value && value <= most,
          `${key} is ${value}; it must be between ${least} and ${most}.`,
        );
      }),
  };
}
