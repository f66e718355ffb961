import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.evaluators.evidence import Evidence, evidence_of, findings_of

CLEAN = Evidence({"aten::empty": 1}, {"my_kernel": 1}, (), threads=0, busy=0, children=0, tf32=False)


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
