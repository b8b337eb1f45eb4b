/**
 * Where frames come from: a picture, the camera, or a video file. One at a time; a new one ends the one before.
 * @module
 */
import { WARNING_SENTENCES } from "../face_warnings.ts";
import type { ModelCard } from "../model_card.ts";
import type { Analyser } from "./analyser.ts";
import { Camera } from "./camera.ts";
import type { EnginePanel } from "./engine_panel.ts";
import type { Analysed } from "./messages.ts";
import { decodePicture } from "./picture.ts";
import type { Readings } from "./readings.ts";
import type { TrackedFace } from "./recording.ts";
import type { StatusLine } from "./status.ts";
import { clock, type Transport } from "./transport.ts";
import { VideoRun } from "./video_run.ts";

/** Milliseconds after which the camera's own picture is shown when the analysis is slow. */
const SLOW = 70;

/** What the sources work with. */
export interface SourceParts {
  readonly analyser: Analyser;
  readonly readings: Readings;
  readonly panel: EnginePanel;
  readonly status: StatusLine;
  readonly transport: Transport;
  /** The model in use, once it is loaded. */
  readonly card: () => Promise<ModelCard>;
  /** Told when the camera opens or closes. */
  readonly onCamera: (camera?: Camera) => void;
  /** Told what went wrong. */
  readonly onError: (error: unknown) => void;
}

/** The source that runs. */
export class Sources {
  #camera?: Camera;
  #run?: VideoRun;
  /** Counts sources: what belongs to an earlier one is thrown away. */
  #turn = 0;

  constructor(private readonly parts: SourceParts) {}

  /** Another number with every source that is opened or ended. */
  get turn(): number {
    return this.#turn;
  }

  /** The camera that is open. */
  get camera(): Camera | undefined {
    return this.#camera;
  }

  /** Ends what runs. */
  stop(): void {
    this.#turn++;
    this.#run?.close();
    this.#run = undefined;
    this.parts.transport.attach();
    if (this.#camera) {
      this.#camera.close();
      this.#camera = undefined;
      this.parts.onCamera();
    }
  }

  /** Analyses a picture or a video. */
  async openFile(file: File): Promise<void> {
    this.stop();
    const turn = this.#turn, { status, panel } = this.parts;
    panel.reset();
    status.show("loading", `Opening ${file.name}…`);
    const isVideo = file.type.startsWith("video/") || /\.(mp4|mov|m4v|webm|mkv)$/i.test(file.name);
    await (isVideo ? this.#openVideo(file, turn) : this.#openPicture(file, turn));
  }

  /** Opens a camera and analyses as many of its frames as the engine manages; the others are dropped. */
  async openCamera(id?: string): Promise<void> {
    this.stop();
    const turn = this.#turn, { status, panel, onCamera, onError, analyser, readings } = this.parts;
    panel.reset();
    status.show("loading", "Waiting for the camera…");
    const camera = await Camera.open(id);
    if (turn !== this.#turn) return camera.close();
    this.#camera = camera;
    onCamera(camera);
    status.show("loading", "The camera is on. Loading the model…");
    let card: ModelCard | undefined, first = 0, number = 0, drawn = 0;
    const fail = (error: unknown) => {
      if (turn !== this.#turn) return;
      this.stop();
      onError(error);
    };
    this.parts.card().then((loaded) => {
      if (turn !== this.#turn) return;
      readings.begin("camera", loaded, false);
      card = loaded;
    }, fail);
    // The newest frame that is not analysed yet: one that came meanwhile need not wait for the one after it.
    let newest: number | undefined, isWaiting = false;
    const analyse = async () => {
      isWaiting = true;
      while (newest !== undefined) {
        const seconds = newest;
        newest = undefined;
        const frame = await createImageBitmap(camera.video);
        first ||= seconds;
        const kind = { isStill: false, isFirst: number === 0, time: seconds - first };
        const analysed = await analyser.analyse(frame, kind);
        if (turn !== this.#turn) return analysed.frame.close();
        drawn = performance.now();
        const faces = readings.add(analysed, number++, seconds - first, { isMirrored: camera.isMirrored });
        this.#report(analysed, faces);
      }
      isWaiting = false;
    };
    camera.watch((seconds) => {
      newest = seconds;
      if (card && !isWaiting && !analyser.isBusy) analyse().catch(fail);
      else if (performance.now() - drawn > SLOW) {
        const { video } = camera;
        readings.preview(video, video.videoWidth, video.videoHeight, camera.isMirrored);
      }
    }, () => fail(new Error("The camera was unplugged or switched off. Press Camera to open it again.")));
  }

  async #openPicture(file: File, turn: number): Promise<void> {
    const { analyser, readings, card } = this.parts;
    const picture = await decodePicture(file);
    if (turn !== this.#turn) return picture.close();
    readings.preview(picture, picture.width, picture.height);
    const loaded = await card();
    if (turn !== this.#turn) return picture.close();
    readings.begin(file.name, loaded, true);
    const analysed = await analyser.analyse(picture, { isStill: true, isFirst: true });
    if (turn !== this.#turn) return analysed.frame.close();
    this.#report(analysed, readings.add(analysed, 0, 0, { isStill: true }), true);
  }

  async #openVideo(file: File, turn: number): Promise<void> {
    const { analyser, readings, transport, status, card } = this.parts;
    const { VideoFile } = await import("./video_file.ts"); // a quarter of the code, for those who open a video
    const video = await VideoFile.open(file);
    const loaded = await card();
    if (turn !== this.#turn) return video.close();
    readings.begin(file.name, loaded, false);
    const run = this.#run = new VideoRun(video, {
      analyse: async (number, { image, time }) => {
        const analysed = await analyser.analyse(image, { isStill: false, isFirst: number === 0, time });
        if (turn !== this.#turn) return analysed.frame.close();
        const faces = readings.add(analysed, number, time, { isWhole: true });
        this.parts.panel.count(analysed, false);
        const left = run.secondsLeft;
        status.show(
          faces.length > 0 ? "loading" : "no-face",
          `Analysing ${file.name}: frame ${number + 1} of about ${
            Math.max(number + 1, Math.round(video.duration * video.frameRate))
          }${left > 2 ? `, ${clock(left)} left` : ""}`,
        );
      },
      show: ({ image, time }) => readings.replay(image, time),
      change: () => transport.update(),
    });
    transport.attach(run);
    await run.analyse();
    if (turn !== this.#turn) return;
    status.show(
      "ready",
      `${file.name} is analysed: ${run.frame} frames in ${
        clock(video.duration)
      } minutes. Play it, move through it, or save the table.`,
    );
  }

  /** Says what was found. */
  #report(analysed: Analysed, faces: readonly TrackedFace[], isStill = false): void {
    const { panel, status } = this.parts;
    panel.count(analysed, isStill);
    if (faces.length === 0) {
      return status.show(
        "no-face",
        isStill
          ? "No face was found. Faces of 32 pixels and more are seen, upright and not too far turned away."
          : "No face in view. Look into the camera, with light on your face.",
      );
    }
    const count = faces.length === 1 ? "1 face" : `${faces.length} faces`;
    if (!isStill) return status.show("ready", `${count} in view.`);
    const present = faces[0].aus.filter(({ present }) => present).map(({ au, name }) => `AU${au} ${name}`);
    const doubts = (faces[0].warnings ?? []).map((code) => ` Beware: ${WARNING_SENTENCES[code]}.`).join("");
    const which = faces.length === 1 ? "" : " In the largest";
    status.show(
      "ready",
      `${count}.${which ? `${which}: ` : " "}${
        present.join(", ") || "no action unit reaches its threshold"
      }.${doubts}`,
    );
  }
}
