import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.evaluators.evidence import Evidence, declared_kernels, evidence_of, findings_of

CLEAN = Evidence({"aten::empty": 1}, {"my_kernel": 1}, (), (), threads=0, busy=0, children=0, tf32=False)


def kinds(evidence=CLEAN, *, cuda=False, allows_tf32=False, **changes):
    told = msgspec.structs.replace(evidence, **changes)
    return [finding.kind for finding in findings_of(told, cuda=cuda, allows_tf32=allows_tf32)]


def test_evidence_arrives_as_it_was_told():
    assert CLEAN == evidence_of(msgspec.json.encode(CLEAN))


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
def test_bytes_that_are_no_evidence_are_none(told):
    assert evidence_of(told) is None


@pytest.mark.parametrize(
    "told",
    [
        b"[" * 100_000,
        b'{"operators": {"\\ud800": 1}}',
        msgspec.json.encode({**msgspec.to_builtins(CLEAN), "verdict": "passed"}),
        msgspec.json.encode({**msgspec.to_builtins(CLEAN), "threads": "none"}),
    ],
)
def test_evidence_with_anything_odd_in_it_is_none(told):
    assert evidence_of(told) is None


@pytest.mark.parametrize("cuda", [False, True])
def test_a_clean_call_has_no_findings(cuda):
    assert [] == kinds(cuda=cuda)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"operators": {"aten::addmm": 2}}, "torch_fallback"),
        ({"operators": {"aten::relu_": 1}}, "torch_fallback"),
        ({"replaced": ("time.perf_counter",)}, "tampered"),
        ({"threads": 1}, "threads_left"),
        ({"busy": 1}, "threads_left"),
        ({"children": 2}, "children_left"),
        ({"tf32": True}, "tf32"),
    ],
)
def test_what_is_worth_a_word_is_a_finding(changes, kind):
    assert [kind] == kinds(**changes)


def test_allocating_viewing_and_copying_is_no_fallback():
    assert [] == kinds(operators={"aten::empty_like": 1, "aten::view": 1, "aten::copy_": 1, "aten::t": 2})


@pytest.mark.parametrize(
    "kernels", [{}, {"void at::native::vectorized_elementwise_kernel<4>": 1, "sm90_xmma_gemm_f32": 2}]
)
def test_a_call_on_a_gpu_without_a_kernel_of_its_own_is_a_finding(kernels):
    assert ["no_custom_kernel"] == kinds(cuda=True, kernels=kernels)
    assert [] == kinds(cuda=False, kernels=kernels)


@pytest.mark.parametrize(
    "kernel",
    [
        "void gemm<true>(float const*, float const*, float*, int)",
        "gemm(float const*, float*)",
        "void (anonymous namespace)::gemm<4>(float*)",
        "void mine::gemm(float*)",
        "gemm",
    ],
)
def test_a_kernel_that_the_candidate_declares_is_its_own_whatever_it_is_called(kernel):
    assert ["no_custom_kernel"] == kinds(cuda=True, kernels={kernel: 1})
    assert [] == kinds(cuda=True, kernels={kernel: 1}, declared=("gemm",))


@pytest.mark.parametrize(
    "kernel",
    [
        "void at::native::vectorized_elementwise_kernel<4, float>(int, float)",
        "void cutlass::Kernel2<cutlass_80_simt_sgemm>(Params)",
        "void gemv2T_kernel_val<int, float>(float)",
        "void cublasLt::splitKreduce_kernel<32>(float*)",
    ],
)
def test_declaring_the_name_of_a_library_s_kernel_makes_it_nobody_s_own(kernel):
    declared = ("vectorized_elementwise_kernel", "Kernel2", "splitKreduce_kernel", "decoy")

    assert ["no_custom_kernel"] == kinds(cuda=True, kernels={kernel: 1}, declared=declared)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("__global__ void relu(const float* x) {", ["relu"]),
        ("template <int N> static __global__ void __launch_bounds__(256, f(2)) gemm(\nfloat* x) {", ["gemm"]),
        ("__launch_bounds__(128) __global__ void tiled (float* x);", ["tiled"]),
        (
            'extern "C" __global__ void\none(int n) {}\n__global__ void two(int n) { one<<<1, 1>>>(n); }',
            ["one", "two"],
        ),
        ("@triton.jit\ndef add_kernel(x, BLOCK: tl.constexpr):", ["add_kernel"]),
        ("@triton.autotune(configs=[])\n@triton.jit(debug=True)\n# fused\n\ndef fused(x):", ["fused"]),
        ("def plain(x):\n    return x  # no __global__ here", []),
        ("__global__ void same(int); __global__ void same(int) {}", ["same"]),
    ],
)
def test_kernels_are_known_by_their_declarations(source, names):
    assert names == list(declared_kernels(source))


@given(st.text(max_size=500))
def test_any_source_declares_a_bounded_number_of_short_names(source):
    many = "".join(f"__global__ void k{n}(int);" for n in range(200))

    assert 60 >= len(declared_kernels(f"{source}{many}"))


def test_tf32_that_was_asked_for_is_no_finding():
    assert [] == kinds(tf32=True, allows_tf32=True)


@given(st.lists(st.text(max_size=200), max_size=20))
def test_a_finding_is_short_and_can_be_stored_whatever_was_told(names):
    evidence = msgspec.structs.replace(
        CLEAN, replaced=("x", *names), kernels=dict.fromkeys((f"gemm {name}" for name in names), 1)
    )

    for finding in findings_of(evidence, cuda=True, allows_tf32=False):
        assert len(finding.detail) <= 500
        assert finding.detail.encode()
