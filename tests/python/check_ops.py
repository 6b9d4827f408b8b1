"""The operators of libmadx_ops.so, called from Python, beside plain PyTorch: values, gradients, and
a TorchScript graph that holds them. Exit status 77: there is no PyTorch here of the version that the library was built
with.

    .deps/python/bin/python tests/python/check_ops.py build/libmadx_ops.so
"""
import io
import re
import sys

LIBRARY = sys.argv[1]

try:
    import torch
    import torch.nn.functional as F
    from torch._subclasses.fake_tensor import FakeTensorMode
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)

with open(LIBRARY, "rb") as file:
    built_with = re.search(rb"built with LibTorch ([\w.]+)", file.read()).group(1).decode()
if torch.__version__.split("+")[0] != built_with:
    print(f"skipped: PyTorch {torch.__version__} here, and the library was built with LibTorch {built_with}")
    sys.exit(77)
torch.ops.load_library(LIBRARY)

torch.manual_seed(3)
madx = torch.ops.madx
checked = 0


def leaf(*shape):
    return torch.randn(*shape).requires_grad_()


def compare(name, ours, theirs, inputs):
    """Both forms give the same values, and the same gradients by `inputs`."""
    global checked
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    weights = torch.randn_like(theirs)
    found = torch.autograd.grad(ours, inputs, weights)
    expected = torch.autograd.grad(theirs, inputs, weights)
    for i, (one, other) in enumerate(zip(found, expected)):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3, msg=lambda text: f"{name}, input {i}: {text}")
    checked += 1


def adapter(hidden, bottleneck):
    return [leaf(bottleneck, hidden), leaf(bottleneck), leaf(hidden, bottleneck), leaf(hidden)]


def check_adapter_site():
    hidden, rows = 24, [5, 3]
    f, a = leaf(8, hidden), leaf(8, hidden)
    weight, bias = torch.rand(hidden) + 0.5, torch.randn(hidden)
    stacks = [[0, 2], [1, 2]]
    adapters = [adapter(hidden, size) for size in (6, 4, 8)]
    flat = [tensor for one in adapters for tensor in one]
    ours = madx.adapter_site(f, a, weight, bias, 1e-5, 0.0, rows, [2, 2], [0, 2, 1, 2], flat)
    norm = lambda x: F.layer_norm(x, (hidden,), weight, bias, 1e-5)
    outputs, first = [], 0
    for count, stack in zip(rows, stacks):
        y, a_rows = f[first:first + count], a[first:first + count]
        for index in stack:
            down, down_bias, up, up_bias = adapters[index]
            y = y + F.linear(F.relu(F.linear(norm(y + a_rows), down, down_bias)), up, up_bias)
        outputs.append(norm(y + a_rows))
        first += count
    compare("adapter_site", ours, torch.cat(outputs), [f, a] + flat)


def check_coupling():
    x, half = leaf(7, 16), 8
    net = lambda: [leaf(4, half), leaf(4), leaf(half, 4), leaf(half)]
    f, g = net(), net()
    run = lambda w, v: F.linear(F.relu(F.linear(v, w[0], w[1])), w[2], w[3])
    y1 = x[:, :half] + run(f, x[:, half:])
    theirs = torch.cat([y1, x[:, half:] + run(g, y1)], 1)
    compare("coupling", madx.coupling(x, [7], f + g, "relu", False), theirs, [x] + f + g)
    back = madx.coupling(theirs.detach(), [7], f + g, "relu", True)
    torch.testing.assert_close(back, x, rtol=1e-4, atol=1e-4)


def check_packed_attention():
    offsets, heads, hidden = [0, 4, 9], 2, 16
    qkv = leaf(9, 3 * hidden)
    outputs = []
    for begin, end in zip(offsets, offsets[1:]):
        q, k, v = (part.reshape(end - begin, heads, -1).transpose(0, 1) for part in qkv[begin:end].chunk(3, 1))
        outputs.append(F.scaled_dot_product_attention(q, k, v).transpose(0, 1).reshape(end - begin, hidden))
    theirs = torch.cat(outputs)
    compare("packed_attention.self", madx.packed_attention(qkv, offsets, heads, 0.0), theirs, [qkv])
    q, kv = qkv.detach()[:, :hidden].contiguous().requires_grad_(), qkv.detach()[:, hidden:].contiguous()
    torch.testing.assert_close(madx.packed_attention(q, kv, offsets, offsets, heads, 0.0), theirs, rtol=1e-4, atol=1e-4)


def check_frozen_linear():
    x, weight, bias = leaf(6, 10), torch.randn(5, 10), torch.randn(5)
    compare("frozen_linear", madx.frozen_linear(x, weight, bias), F.linear(x, weight, bias), [x])


def check_linear_cross_entropy():
    targets = torch.randint(50, (6,))
    for learns in (False, True):
        x, weight, bias = leaf(6, 10), torch.randn(50, 10).requires_grad_(learns), leaf(50)
        theirs = F.cross_entropy(F.linear(x, weight, bias), targets)
        ours = madx.linear_cross_entropy(x, weight, bias, targets)
        compare("linear_cross_entropy", ours, theirs, [x, bias, weight] if learns else [x, bias])


@torch.jit.script
def scripted(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return torch.ops.madx.frozen_linear(x, weight, bias).relu()


def check_torchscript():
    x, weight, bias = torch.randn(6, 10), torch.randn(5, 10), torch.randn(5)
    file = io.BytesIO()
    torch.jit.save(scripted, file)
    file.seek(0)
    loaded = torch.jit.load(file)
    expected = F.linear(x, weight, bias).relu()
    torch.testing.assert_close(loaded(x, weight, bias), expected, rtol=1e-4, atol=1e-4)
    traced = torch.jit.trace(lambda x: madx.frozen_linear(x, weight, bias), (x,))
    assert "madx::frozen_linear" in str(traced.graph), traced.graph


def check_what_compilers_see():
    """Of tensors without data, which stand for others, results have the right shapes."""
    with FakeTensorMode():
        x, one, zero = torch.empty(6, 8), torch.ones(8), torch.zeros(8)
        weights = [torch.empty(2, 8), torch.empty(2), torch.empty(8, 2), torch.empty(8)]
        net = [torch.empty(2, 4), torch.empty(2), torch.empty(4, 2), torch.empty(4)]
        targets = torch.zeros(6, dtype=torch.long)
        assert madx.adapter_site(x, x, one, zero, 1e-5, 0.1, [6], [1], [0], weights).shape == x.shape
        assert madx.coupling(x, [6], net + net, "relu", True).shape == x.shape
        assert madx.packed_attention(torch.empty(6, 24), [0, 2, 6], 2, 0.0).shape == x.shape
        assert madx.frozen_linear(x, torch.empty(5, 8), torch.empty(5)).shape == (6, 5)
        assert madx.linear_cross_entropy(x, torch.empty(9, 8), torch.empty(9), targets).shape == ()
    weight, bias, rows = torch.randn(5, 8), torch.randn(5), torch.randn(3, 8)
    one_by_one = torch.func.vmap(lambda row: madx.frozen_linear(row, weight, bias))(rows)
    torch.testing.assert_close(one_by_one, F.linear(rows, weight, bias), rtol=1e-4, atol=1e-4)


def check_profiler():
    with torch.autograd.profiler.profile() as profile:
        madx.frozen_linear(torch.randn(6, 10), torch.randn(5, 10), torch.randn(5))
    assert any(event.name == "madx::frozen_linear" for event in profile.function_events), profile


check_adapter_site()
check_coupling()
check_packed_attention()
check_frozen_linear()
check_linear_cross_entropy()
check_torchscript()
check_what_compilers_see()
check_profiler()
print(f"{checked} operators agree with plain PyTorch in values and gradients")
