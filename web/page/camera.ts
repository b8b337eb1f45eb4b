/**
 * The camera as a stream of frames.
 * @module
 */

/** A camera to choose. */
export interface CameraDevice {
  readonly id: string;
  readonly name: string;
}

/** The cameras of this device; their names are known once one was allowed. */
export async function listCameras(): Promise<CameraDevice[]> {
  const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
  return devices.filter(({ kind }) => kind === "videoinput")
    .map(({ deviceId, label }, i) => ({ id: deviceId, name: label || `Camera ${i + 1}` }));
}

/** An open camera. */
export class Camera {
  /** The number of the device it is. */
  readonly id: string | undefined;
  /** Whether its picture is shown as in a mirror: all but the camera on a phone's back. */
  readonly isMirrored: boolean;
  #isOpen = true;

  private constructor(
    readonly video: HTMLVideoElement,
    private readonly stream: MediaStream,
  ) {
    const { deviceId, facingMode } = stream.getVideoTracks()[0].getSettings();
    this.id = deviceId;
    this.isMirrored = facingMode !== "environment";
  }

  /** Asks for a camera and shows it in `video`; throws an Error with a sentence for the user. */
  static async open(id?: string, video: HTMLVideoElement = document.createElement("video")): Promise<Camera> {
    if (!navigator.mediaDevices) {
      throw new Error(
        "Browsers give the camera only to pages that come over https or from this device (localhost). Open a photo or " +
          "a video instead.",
      );
    }
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        // The models look at 256 pixels a side: more would only cost time.
        video: {
          width: { ideal: 640 },
          height: { ideal: 480 },
          ...id ? { deviceId: { exact: id } } : { facingMode: "user" },
        },
        audio: false,
      });
    } catch (error) {
      throw new Error(sentenceFor(error as DOMException), { cause: error });
    }
    Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
    await video.play();
    return new Camera(video, stream);
  }

  /** Calls `see` for each new frame with its time in seconds, and `end` when the camera goes away by itself. */
  watch(see: (seconds: number) => void, end: () => void): void {
    this.stream.getVideoTracks()[0].addEventListener("ended", () => this.#isOpen && end());
    const next: VideoFrameRequestCallback = (now, { captureTime }) => {
      if (!this.#isOpen) return;
      this.video.requestVideoFrameCallback(next);
      see((captureTime ?? now) / 1000);
    };
    this.video.requestVideoFrameCallback(next);
  }

  /** Lets go of the camera; its light goes out. */
  close(): void {
    this.#isOpen = false;
    for (const track of this.stream.getTracks()) track.stop();
    this.video.srcObject = null;
  }
}

function sentenceFor({ name, message }: DOMException): string {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "The camera was refused. Allow it for this page in the browser's address bar, then press Camera again. " +
        "Photos and videos work without it.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No camera was found. Plug one in and press Camera again, or open a photo or a video.";
    case "NotReadableError":
    case "AbortError":
      return "The camera cannot be read; another program may be using it. Close that program and press Camera again.";
    default:
      return `The camera cannot be opened: ${message}`;
  }
}
