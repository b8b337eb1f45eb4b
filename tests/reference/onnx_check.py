"""Checks what the exporter writes with ONNX's own checker and with onnxruntime for Python.

    python3 -m venv venv && venv/bin/pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
    venv/bin/python tests/reference/onnx_check.py [folder]

Without a folder it checks `tests/fixtures/onnx/`: small models of both stems and precisions, and beside them what the
training forward pass said of five pictures. `tests/train/units/onnx_test.ts` holds the exporter to these very bytes, so what
passes here is what the exporter writes today. With a folder it checks every `*.onnx` in it, without comparing values.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

SIDE = 32


def pictures(count, side=SIDE):
    """The same pictures as `pictures` in tests/train/units/onnx_models.ts, [count, 3, side, side]."""
    n, c, y, x = np.indices((count, 3, side, side))
    return (((7 * n + 5 * c + 3 * y * (n + 1) + x * x) % 17) / 8 - 1).astype(np.float32)


def check_structure(path):
    """ONNX's full check with shape inference; opset 17, free batch, no batch norm left, float32 at the rim."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)], model.opset_import
    operators = {node.op_type for node in model.graph.node}
    assert "BatchNormalization" not in operators, operators
    rim = [*model.graph.input, *model.graph.output]
    for value in rim:
        tensor = value.type.tensor_type
        assert tensor.elem_type == onnx.TensorProto.FLOAT, value.name
        assert tensor.shape.dim[0].dim_param == "N", value.name
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output][:2] == ["probabilities", "features"]
    return model.graph.input[0].type.tensor_type.shape.dim[2].dim_value


def run(path, images):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": images})))


def main():
    given = len(sys.argv) > 1
    folder = Path(sys.argv[1]) if given else Path(__file__).parent.parent / "fixtures" / "onnx"
    expected = {} if given else json.loads((folder / "expected.json").read_text())
    files = sorted(folder.glob("*.onnx"))
    if not files or (expected and {file.name for file in files} != set(expected)):
        sys.exit(f"{folder} does not hold the files that it should: {[file.name for file in files]}")
    for path in files:
        side = check_structure(path)
        five, one = run(path, pictures(5, side)), run(path, pictures(1, side))
        said = []
        for name, values in five.items():
            assert np.isfinite(values).all(), (path, name)
            assert np.allclose(one[name], values[:1], atol=1e-6 if "f16" not in path.name else 5e-3), (path, name)
            if not expected:
                continue
            entry = expected[path.name]
            difference = np.abs(values - np.reshape(entry["outputs"][name], values.shape)).max()
            allowed = entry["tolerance"] * (np.abs(values).max() if name == "features" else 1)
            assert difference <= allowed, (path, name, difference)
            said.append(f"{name} {difference:.1e}")
        assert not expected or set(five) == set(expected[path.name]["outputs"]), (path, list(five))
        print(f"{path.name}: passes; greatest difference: {', '.join(said) or 'not compared'}")


if __name__ == "__main__":
    main()
