"""MediaPipe's face mesh over films, video mode, irises included: the peer of `deno task bench film` and the readings that
`deno task study --only=films` compares with.

Uses the model that the mediapipe wheel holds (mp.solutions.face_mesh with refine_landmarks); OpenCV decodes in a thread
of its own, as whoever wants speed does.

  film_peer.py --film=FILE             answers each line of standard input with a line of JSON: one pass over the film
  film_peer.py --readings FILE...      one line of JSON a film: what opens and how far, frame by frame; of the films of the
                                       README's command it makes tools/films/figures/mesh_readings.jsonl
"""
import argparse
import hashlib
import json
import math
import os
import queue
import resource
import sys
import threading
import time

os.environ.setdefault("GLOG_minloglevel", "2")
import cv2
import mediapipe as mp

# Indices of MediaPipe's mesh: corners of the eyes, lids above and below, inner lips, chin, bridge of the nose.
EYES = ((33, 133, ((160, 144), (158, 153))), (362, 263, ((385, 380), (387, 373))))
UPPER_LIP, LOWER_LIP, CHIN, BRIDGE = 13, 14, 152, 168


def frames(path):
    """The film's frames as RGB, decoded beside whoever takes them."""
    film, ready = cv2.VideoCapture(path), queue.Queue(4)
    if not film.isOpened():
        raise SystemExit(f"{path} cannot be opened.")

    def decode():
        while True:
            good, frame = film.read()
            ready.put(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if good else None)
            if not good:
                return

    threading.Thread(target=decode, daemon=True).start()
    while (frame := ready.get()) is not None:
        yield frame


def meshes(path):
    """For each frame the 478 points in pixels, None where no face is seen."""
    with mp.solutions.face_mesh.FaceMesh(max_num_faces=1, refine_landmarks=True) as mesh:
        for frame in frames(path):
            height, width, _ = frame.shape
            found = mesh.process(frame).multi_face_landmarks
            yield [(p.x * width, p.y * height) for p in found[0].landmark] if found else None


def opened(points):
    """Gaps as shares of the distance between the eyes: lips, chin from the bridge of the nose, both eyes' lids."""
    def gap(a, b):
        return math.dist(points[a], points[b])

    middles = [[(points[a][i] + points[b][i]) / 2 for i in (0, 1)] for a, b, _ in EYES]
    apart = math.dist(*middles)
    lids = [sum(gap(a, b) for a, b in pairs) / len(pairs) for _, _, pairs in EYES]
    return [round(value / apart, 4) for value in (gap(UPPER_LIP, LOWER_LIP), gap(BRIDGE, CHIN), sum(lids) / 2)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--film")
    parser.add_argument("--readings", nargs="+")
    flags = parser.parse_args()
    engine = f"MediaPipe {mp.__version__}, face_mesh with irises, video mode"
    if flags.readings:
        for path in flags.readings:
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            values = [None if points is None else opened(points) for points in meshes(path)]
            line = {"film": os.path.basename(path), "sha256": digest, "engine": engine, "frames": values}
            print(json.dumps(line, separators=(",", ":")), flush=True)
        return

    def run():
        start = time.perf_counter()
        found = [points is not None for points in meshes(flags.film)]
        return {
            "frames": len(found),
            "faces": sum(found),
            "seconds": time.perf_counter() - start,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }

    run()
    print(json.dumps({"engine": engine}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(run()), flush=True)


if __name__ == "__main__":
    main()
