"""Fovea's operators from Python: torch.ops.load_library, then everything that torch offers must work on them.

Usage: operators_test.py LIBRARY PAGE [unittest arguments]; exit code 77 when there is no torch of the pinned version.
"""
import os
import re
import sys
import tempfile
import unittest

PINNED = "2.11.0"
try:
    import torch
except ImportError as error:
    print(f"skipped: Python's torch is not there ({error}); ./run test fetches it")
    sys.exit(77)
if torch.__version__.split("+")[0] != PINNED:
    print(f"skipped: torch {torch.__version__} is not the pinned {PINNED}")
    sys.exit(77)

import plain
from samples import all_samples

LIBRARY, PAGE = sys.argv[1], sys.argv[2]
torch.ops.load_library(LIBRARY)
SAMPLES = all_samples()


def operator(name):
    return getattr(torch.ops.fovea, name)


def as_tuple(results):
    return results if isinstance(results, tuple) else (results,)


def floats_of(arguments):
    for value in arguments:
        for member in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(member, torch.Tensor) and member.is_floating_point():
                yield member


def with_gradients(arguments):
    """A copy whose floating tensors are leaves."""
    def leaf(value):
        if isinstance(value, torch.Tensor):
            copy = value.clone()
            return copy.requires_grad_() if copy.is_floating_point() else copy
        if isinstance(value, list) and value and isinstance(value[0], torch.Tensor):
            return [leaf(member) for member in value]
        return value

    return tuple(leaf(value) for value in arguments)


def summed(results):
    return sum((r * torch.arange(1, r.numel() + 1).cos().view_as(r)).masked_fill(r.detach().isinf(), 0.0).sum()
               for r in as_tuple(results) if r.is_floating_point())


def backward_arguments(name, arguments):
    """Arguments of X_backward that ask for every gradient there is, with all of X's defaults spelled out."""
    forward, backward = operator(name).default, operator(name + "_backward").default
    results = dict(zip((r.name for r in forward._schema.returns), as_tuple(forward(*arguments))))
    given = list(arguments) + [a.default_value for a in forward._schema.arguments[len(arguments):]]
    names = [a.name for a in backward._schema.arguments]
    grads = [torch.randn_like(results[n.removeprefix("grad_")]) for n in names if n.startswith("grad_")]
    kept = [results[n] for n in names[len(grads) + len(given):-1]]
    needs = []
    for argument, value in zip(forward._schema.arguments, given):
        if "Tensor" in str(argument.type):
            members = value if isinstance(value, list) else [value]
            needs += [m is not None and m.is_floating_point() for m in members]
    return (*grads, *given, *kept, needs)


def every_sample():
    for name, cases in SAMPLES.items():
        for i, arguments in enumerate(cases):
            yield name, i, arguments


class Operators(unittest.TestCase):
    def test_every_registered_operator_is_in_this_file(self):
        registered = {s.name.removeprefix("fovea::") for s in torch._C._jit_get_all_schemas() if s.name.startswith("fovea::")}
        self.assertEqual({n for n in registered if not n.endswith("_backward")}, set(SAMPLES))

    def test_results_and_gradients_equal_plain_torch(self):
        for name, i, arguments in every_sample():
            with self.subTest(name, case=i):
                ours, theirs = with_gradients(arguments), with_gradients(arguments)
                results, expected = as_tuple(operator(name)(*ours)), as_tuple(getattr(plain, name)(*theirs))
                self.assertEqual(len(results), len(expected))
                for result, wanted in zip(results, expected):
                    torch.testing.assert_close(result, wanted, rtol=1e-10, atol=1e-10)
                summed(results).backward(), summed(expected).backward()
                for mine, wanted in zip(floats_of(ours), floats_of(theirs)):
                    torch.testing.assert_close(mine.grad, torch.zeros_like(mine) if wanted.grad is None else wanted.grad,
                                               rtol=1e-9, atol=1e-9)

    def test_float32_is_close_to_float64(self):
        for name, i, arguments in every_sample():
            with self.subTest(name, case=i):
                narrow = [[t.float() for t in v] if isinstance(v, list) and isinstance(v[0], torch.Tensor) else
                          v.float() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for v in arguments]
                for result, wanted in zip(as_tuple(operator(name)(*narrow)), as_tuple(operator(name)(*arguments))):
                    torch.testing.assert_close(result, wanted.to(result.dtype), rtol=1e-4, atol=1e-4)

    def test_opcheck(self):
        for name, i, arguments in every_sample():
            with self.subTest(name, case=i):
                torch.library.opcheck(operator(name).default, with_gradients(arguments))

    def test_backward_operators_pass_opcheck(self):
        for name, i, arguments in every_sample():
            with self.subTest(name, case=i):
                backward = operator(name + "_backward").default
                torch.library.opcheck(backward, backward_arguments(name, arguments), test_utils=("test_schema", "test_faketensor"))

    def test_gradcheck(self):
        for name, cases in SAMPLES.items():
            if name == "softmax_merge":
                continue  # gradcheck takes no lists; plain torch's gradients are compared above
            with self.subTest(name):
                def finite(*given):
                    results = as_tuple(operator(name)(*given))
                    return tuple(r.masked_fill(r.detach().isinf(), 0.0) for r in results if r.is_floating_point())

                self.assertTrue(torch.autograd.gradcheck(finite, with_gradients(cases[0])))

    def test_errors_are_sentences(self):
        with self.assertRaisesRegex(RuntimeError, "the bag holds no instance"):
            operator("score_pool")(torch.zeros(2, 0), torch.zeros(0, 3))

    def test_autocast(self):
        arguments = [a.float() for a in SAMPLES["gated_pool"][0]]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z, s, lse, entropy, gram = operator("gated_pool")(*arguments)
        self.assertEqual(z.dtype, torch.bfloat16)
        self.assertEqual({t.dtype for t in (s, lse, entropy, gram)}, {torch.float32})

    def test_threads_of_torch_and_the_library_are_one_pool(self):
        x = torch.randn(5000, 64)
        weights = (torch.randn(32, 64), torch.randn(32), torch.randn(32, 64), torch.randn(32), torch.randn(2, 32), torch.randn(2))
        before, results = torch.get_num_threads(), []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(operator("gated_pool")(x, *weights))
        torch.set_num_threads(before)
        for one, two in zip(*results):
            self.assertTrue(torch.equal(one, two))
        with open("/proc/self/maps") as maps:
            runtimes = {os.path.realpath(line.split()[-1]) for line in maps if re.search(r"lib[gi]?omp[-.]?\w*\.so", line)}
        self.assertEqual(len(runtimes), 1, runtimes)


@torch.jit.script
def scripted(x, wv, bv, wu, bu, w, b):
    z, s, lse, entropy, gram = torch.ops.fovea.gated_pool(x, wv, bv, wu, bu, w, b)
    return z, entropy


class Pooling(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.v, self.u, self.w = torch.nn.Linear(5, 4), torch.nn.Linear(5, 4), torch.nn.Linear(4, 3)

    def forward(self, x):
        z, s, lse, entropy, gram = torch.ops.fovea.gated_pool(x, self.v.weight, self.v.bias, self.u.weight, self.u.bias,
                                                              self.w.weight, self.w.bias)
        tokens = z[None, None]
        return torch.ops.fovea.attention(tokens, tokens, tokens)[0].flatten(), entropy


class Graphs(unittest.TestCase):
    def test_script_through_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "pool.pt")
            scripted.save(path)
            loaded = torch.jit.load(path)
        mine, theirs = with_gradients(SAMPLES["gated_pool"][0]), with_gradients(SAMPLES["gated_pool"][0])
        for _ in range(3):
            z, entropy = loaded(*mine)
        expected = operator("gated_pool")(*theirs)
        self.assertTrue(torch.equal(z, expected[0]) and torch.equal(entropy, expected[3]))
        (z.sum() + entropy.sum()).backward(), (expected[0].sum() + expected[3].sum()).backward()
        for a, b in zip(mine, theirs):
            torch.testing.assert_close(a.grad, b.grad)

    def test_export_through_a_file(self):
        model = Pooling()
        rows = torch.export.Dim("rows", min=2, max=100_000)
        program = torch.export.export(model, (torch.randn(7, 5),), dynamic_shapes=({0: rows},))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "pool.pt2")
            torch.export.save(program, path)
            loaded = torch.export.load(path).module()
        x = torch.randn(11, 5)  # another number of rows than at export
        for result, expected in zip(loaded(x), model(x)):
            torch.testing.assert_close(result, expected)

    def test_aot_autograd_sees_the_backward_operators(self):
        from functorch.compile import aot_module
        seen = set()

        def record(graph, _):
            seen.update(str(node.target) for node in graph.graph.nodes if node.op == "call_function")
            return graph

        model, x = Pooling(), torch.randn(7, 5)
        compiled = aot_module(model, fw_compiler=record, bw_compiler=record)
        sum(r.sum() for r in compiled(x)).backward()
        self.assertLessEqual({"fovea.gated_pool.default", "fovea.gated_pool_backward.default", "fovea.attention.default",
                              "fovea.attention_backward.default"}, seen)
        expected = Pooling()
        sum(r.sum() for r in expected(x)).backward()
        for a, b in zip(model.parameters(), expected.parameters()):
            torch.testing.assert_close(a.grad, b.grad)


class Compiled(unittest.TestCase):
    """Inductor writes C++ and needs a compiler, as this build did."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = self.folder.name
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"

    def test_compile_trains(self):
        model, expected, x = Pooling(), Pooling(), torch.randn(7, 5)
        for candidate in (torch.compile(model, fullgraph=True), expected):
            sum(r.sum() for r in candidate(x)).backward()
        for a, b in zip(model.parameters(), expected.parameters()):
            torch.testing.assert_close(a.grad, b.grad)

    def test_ahead_of_time_package(self):
        model, x = Pooling(), torch.randn(7, 5)
        with torch.no_grad():
            program = torch.export.export(model, (x,))
            path = torch._inductor.aoti_compile_and_package(program, package_path=os.path.join(self.folder.name, "p.pt2"))
            loaded = torch._inductor.aoti_load_package(path)
            for result, expected in zip(loaded(x), model(x)):
                torch.testing.assert_close(result, expected)


class Page(unittest.TestCase):
    def test_the_example_on_the_page_runs(self):
        with open(PAGE) as page:
            blocks = re.findall(r"```python\n(.*?)```", page.read(), re.S)
        self.assertTrue(blocks)
        for block in blocks:
            exec(block.replace("build/lib/libfovea_models.so", LIBRARY), {})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
