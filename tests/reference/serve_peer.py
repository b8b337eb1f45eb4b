"""The server as Python's usual parts make it: the same ONNX files in onnxruntime, OpenCV, FastAPI on uvicorn.

Only for `deno task bench serve`: JPEG in, the action units of every face out. A face that the whole picture shows too
small or too large is looked at again, as the server does.
"""

import argparse
import json
import time

import cv2
import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool

SIDE = 256
WELL_SEEN = (88, 130)
CLOSE_UP, STEP_BACK = (192, 1.8), (256, 2.4)
GRIDS = ((16, 2, "Identity:0", "Identity_2:0"), (32, 6, "Identity_1:0", "Identity_3:0"))


def session(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def look(finder, view):
    """Boxes (centre, sides), scores and points of a square view, by the anchors of BlazeFace's back model."""
    names = [output.name for output in finder.get_outputs()]
    data = view[None].astype(np.float32) / 127.5 - 1
    outputs = dict(zip(names, finder.run(None, {finder.get_inputs()[0].name: data})))
    found = []
    for step, anchors, scores, boxes in GRIDS:
        probability = 1 / (1 + np.exp(-outputs[scores].ravel().clip(-80, 80)))
        raw = outputs[boxes].reshape(-1, 16)
        for i in np.flatnonzero(probability > 0.65):
            cells = view.shape[0] // step
            anchor = np.array([(i // anchors % cells + 0.5) * step, (i // anchors // cells + 0.5) * step])
            points = raw[i, 4:12].reshape(4, 2) + anchor
            found.append((raw[i, :2] + anchor, raw[i, 2:4], float(probability[i]), points))
    if not found:
        return []
    boxes = [[*(centre - sides / 2), *sides] for centre, sides, _, _ in found]
    kept = cv2.dnn.NMSBoxes(boxes, [score for _, _, score, _ in found], 0.65, 0.3)
    return [found[i] for i in np.ravel(kept)]


def make_app(folder, finder_path, threads):
    with open(f"{folder}/emoco.json", encoding="utf-8") as file:
        card = json.load(file)
    size, mean, std = card["input"]["size"], np.array(card["input"]["mean"]), np.array(card["input"]["std"])
    finder, model = session(finder_path, threads), session(f"{folder}/emoco.onnx", threads)
    template = np.array([card["alignment"]["template"][i] for i in (1, 0, 2, 3)], np.float32) * size
    app = FastAPI()

    def closer(image, centre, sides, points, side, widths):
        """The face again, in a square around it that is turned upright; None where there is none after all."""
        right, left = points[0], points[1]
        zoom = side / (max(sides) * widths)
        a, b = (left - right) / (np.linalg.norm(left - right) or 1) * zoom * (1, -1)
        turn = np.array([[a, -b], [b, a]])
        shift = side / 2 - turn @ centre
        view = cv2.warpAffine(image, np.column_stack([turn, shift]), (side, side), flags=cv2.INTER_AREA)
        found = look(finder, view)
        if not found:
            return None
        middle, size_seen, score, seen = min(found, key=lambda face: np.linalg.norm(face[0] - side / 2))
        back = np.linalg.inv(turn)
        return back @ (middle - shift), size_seen / zoom, score, (seen - shift) @ back.T

    def answer(body):
        marks = [time.perf_counter()]
        image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR_RGB)
        if image is None:
            raise HTTPException(422, "not an image")
        marks.append(time.perf_counter())
        height, width = image.shape[:2]
        scale = SIDE / max(height, width)
        small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        top, left = (SIDE - small.shape[0]) // 2, (SIDE - small.shape[1]) // 2
        view = np.zeros((SIDE, SIDE, 3), np.uint8)
        view[top : top + small.shape[0], left : left + small.shape[1]] = small
        settled, crops, faces = [], [], []
        for centre, sides, score, points in look(finder, view):
            centre, sides, points = (centre - (left, top)) / scale, sides / scale, (points - (left, top)) / scale
            if not WELL_SEEN[0] <= sides[0] * scale <= WELL_SEEN[1]:
                lens = CLOSE_UP if sides[0] * scale < WELL_SEEN[0] else STEP_BACK
                seen = closer(image, centre, sides, points, *lens)
                if seen is None:
                    continue
                centre, sides, score, points = seen
            settled.append((centre, sides, score, points))
        marks.append(time.perf_counter())
        for centre, sides, score, points in settled:
            matrix, _ = cv2.estimateAffinePartial2D(points.astype(np.float32), template, method=cv2.LMEDS)
            crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_AREA)
            crops.append(((crop / 255 - mean) / std).transpose(2, 0, 1))
            box = np.concatenate([centre, sides]).tolist()
            faces.append({"box": box, "score": score, "points": points.tolist()})
        marks.append(time.perf_counter())
        if crops:
            probabilities = model.run(["probabilities"], {"image": np.array(crops, np.float32)})[0]
            for face, row in zip(faces, probabilities):
                face["aus"] = [
                    {**unit, "probability": float(p), "present": bool(p >= unit["threshold"])}
                    for unit, p in zip(card["aus"], row)
                ]
        marks.append(time.perf_counter())
        spent = [1000 * (end - start) for start, end in zip(marks, marks[1:])]
        return {
            "images": [{"width": width, "height": height, "faces": faces}],
            "timings": dict(zip(("decode", "find", "align", "run"), spent)),
        }

    @app.post("/v1/detect")
    async def detect_body(request: Request):
        return await run_in_threadpool(answer, await request.body())

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--finder", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    uvicorn.run(
        make_app(arguments.model, arguments.finder, arguments.threads),
        host="127.0.0.1",
        port=arguments.port,
        log_level="error",
    )
