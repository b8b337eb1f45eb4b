/**
 * The page: wires sources, worker and screen together. Nothing here sends anything anywhere.
 * @module
 */
import type { ModelCard } from "../model_card.ts";
import { Analyser } from "./analyser.ts";
import { type Camera, listCameras } from "./camera.ts";
import { find, make } from "./elements.ts";
import { EnginePanel } from "./engine_panel.ts";
import { toCsv, toJson } from "./export_text.ts";
import type { Engine, ModelFiles, Opened, PageFiles } from "./messages.ts";
import { areModel, readModel } from "./model_files.ts";
import { Readings } from "./readings.ts";
import { nameFor, save } from "./save.ts";
import { Sources } from "./sources.ts";
import { StatusLine } from "./status.ts";
import { Transport } from "./transport.ts";

const files: PageFiles = JSON.parse(find(document, "#files", HTMLScriptElement).text);
const button = (id: string) => find(document, `#${id}`, HTMLButtonElement);
const engineChoice = find(document, "#engine", HTMLSelectElement);
const fileInput = find(document, "#file", HTMLInputElement);
const devices = find(document, "#devices", HTMLSelectElement);
const stage = find(document, "#stage", HTMLElement);

const status = new StatusLine(find(document, "[data-status]", HTMLElement));
const readings = new Readings(document);
const panel = new EnginePanel(document);
const analyser = new Analyser({
  files,
  engine: "auto",
  onProgress: (loaded, total) => {
    if (isOpening) status.show("loading", `Loading: ${megabytes(loaded)} of ${megabytes(total)} MB`);
  },
});

let isOpening = false;
let opened: Promise<Opened>;
let own: ModelFiles | undefined;

const sources = new Sources({
  analyser,
  readings,
  panel,
  status,
  transport: new Transport(find(document, "#transport", HTMLElement)),
  card: async (): Promise<ModelCard> => (await opened).card,
  onCamera: showCamera,
  onError: tell,
});

openEngine(new URLSearchParams(location.search).get("engine"));
wire();
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("service_worker.js").catch((error) =>
    console.warn("Not kept for offline use:", error)
  );
}

/** Loads engine and model; what was shown is measured by another one and goes. */
function openEngine(wanted: string | null): void {
  sources.stop();
  const engine: Engine | "auto" = wanted === "wasm" || wanted === "webgpu" ? wanted : "auto";
  engineChoice.value = engine;
  isOpening = true;
  status.show("loading", "Loading the model…");
  opened = analyser.open(engine, own);
  settle(opened);
}

function settle(opening: Promise<Opened>): void {
  const { turn } = sources;
  opening.then((opened) => {
    panel.show(opened);
    readings.setCard(opened.card);
    if (turn !== sources.turn) return; // a picture or the camera waits for it, and says how that went
    const asked = engineChoice.value === "webgpu" && opened.engine !== "webgpu";
    status.show(
      "ready",
      `Ready.${asked ? ` ${opened.note ?? ""}` : " Nothing you show here leaves this device."}`,
    );
  }, tell).finally(() => isOpening = false);
}

function tell(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const message = error instanceof Error ? error.message : String(error);
  // The page's own sentences say themselves what is wrong; these are the engine's and the browser's.
  const isMemory = error instanceof RangeError ||
    /out of memory|allocation (failed|failure)|failed to allocate/i.test(message);
  status.show("error", isMemory ? `This device's memory does not suffice: ${message}` : message);
}

function attempt(job: () => Promise<void>): void {
  job().catch(tell);
}

function wire(): void {
  button("camera").onclick = () => {
    if (!sources.camera) return attempt(() => sources.openCamera());
    sources.stop();
    status.show("ready", "The camera is off. What it saw can still be saved.");
  };
  devices.onchange = () => attempt(() => sources.openCamera(devices.value));
  button("open").onclick = () => choose("image/*,video/*,.mkv");
  button("own-model").onclick = () => choose(".onnx,.json");
  button("our-model").onclick = () => useModel();
  fileInput.onchange = () => {
    const chosen = [...fileInput.files ?? []];
    fileInput.value = "";
    take(chosen);
  };
  button("example").onclick = () =>
    attempt(async () => {
      const response = await fetch(files["example.jpg"].url);
      if (!response.ok) throw new Error("The example is missing from this site.");
      await sources.openFile(new File([await response.blob()], "portrait.jpg", { type: "image/jpeg" }));
    });
  document.addEventListener("paste", ({ clipboardData }) => take([...clipboardData?.files ?? []]));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    stage.classList.add("is-target");
  });
  document.addEventListener(
    "dragleave",
    ({ relatedTarget }) => relatedTarget || stage.classList.remove("is-target"),
  );
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("is-target");
    take([...event.dataTransfer?.files ?? []]);
  });
  document.addEventListener("click", ({ target }) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>(".menu[open]")) {
      const isInside = target instanceof Node && menu.contains(target);
      if (!isInside || target instanceof HTMLButtonElement) menu.open = false;
    }
  });
  document.addEventListener("keydown", ({ key }) => {
    const menu = key === "Escape" && document.querySelector<HTMLDetailsElement>(".menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  engineChoice.onchange = () => openEngine(engineChoice.value);
  const smooth = find(document, "#smooth", HTMLInputElement);
  smooth.onchange = () => readings.isSmoothed = smooth.checked;
  button("save-csv").onclick = () => saveText(".csv", "text/csv");
  button("save-json").onclick = () => saveText(".json", "application/json");
  button("save-png").onclick = () =>
    attempt(async () => {
      const png = await readings.stage.toPng();
      if (!png) throw new Error("There is no picture to save yet.");
      save(png, nameFor(readings.session?.source ?? "", ".png"));
    });
}

function choose(accept: string): void {
  fileInput.accept = accept;
  fileInput.click();
}

function take(chosen: readonly File[]): void {
  if (chosen.length === 0) return;
  if (areModel(chosen)) return useModel(() => readModel(chosen));
  attempt(() => sources.openFile(chosen[0]));
}

/** Takes the model that is read, or ours. Whatever is opened from now on waits for it: it needs that model's card. */
function useModel(read?: () => Promise<ModelFiles>): void {
  sources.stop();
  status.show("loading", "Loading the model…");
  const before = opened;
  const opening = (async () => {
    const wanted = await read?.(), taken = await analyser.setModel(wanted);
    own = wanted;
    button("our-model").hidden = !wanted;
    return taken;
  })();
  settle(opening);
  opened = opening.catch(() => before); // which stays where this one is refused
  opened.catch(() => {}); // said by settle
}

async function showCamera(camera?: Camera): Promise<void> {
  const isOn = camera !== undefined;
  find(button("camera"), "span", HTMLElement).textContent = isOn ? "Stop camera" : "Camera";
  button("camera").classList.toggle("is-on", isOn);
  const found = isOn ? await listCameras() : [];
  devices.hidden = found.length < 2;
  devices.replaceChildren(
    ...found.map(({ id, name }) => make("option", { text: name, attributes: { value: id } })),
  );
  if (camera?.id) devices.value = camera.id;
}

function saveText(ending: ".csv" | ".json", type: string): void {
  attempt(async () => {
    const { session } = readings;
    if (!session || session.recording.frames === 0) {
      throw new Error("Nothing was measured yet that could be saved.");
    }
    const { engine } = await opened;
    const isSmoothed = find(document, "#save-smoothed", HTMLInputElement).checked;
    const facts = { card: session.card, engine, source: session.source, isSmoothed };
    const text = (ending === ".csv" ? toCsv : toJson)(session.recording, facts);
    save(new Blob([text], { type }), nameFor(session.source, `${isSmoothed ? "-smoothed" : ""}${ending}`));
  });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
