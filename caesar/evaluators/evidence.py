"""What a candidate's process tells of a call, and what follows from it: findings. Pure.

The process is the candidate's, so every word here may be a lie; the judge believes none of it about
values or times.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import msgspec

from caesar.domain import Finding

__all__ = ["Evidence", "declared_kernels", "evidence_of", "findings_of"]


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One call, and the state of the process after it."""

    operators: dict[str, int]
    """Torch operators that were dispatched, by name; calls from C++ included."""
    kernels: dict[str, int]
    """Kernels and copies on the device, by name; empty on the CPU."""
    declared: tuple[str, ...]
    """Names of the kernels that its source declares."""
    replaced: tuple[str, ...]
    """Functions that are not the ones they were before the candidate was loaded."""
    threads: int
    """Python threads besides the main one."""
    busy: int
    """Threads that computed while nothing was asked of the process."""
    children: int
    tf32: bool
    """Whether the process allows TF32 in matrix products."""


_COMPUTE = (
    "mm", "addmm", "bmm", "baddbmm", "matmul", "linear", "convolution", "conv1d", "conv2d", "conv3d",
    "native_layer_norm", "native_batch_norm", "native_group_norm", "cudnn_batch_norm", "_softmax",
    "_log_softmax", "max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d",
    "_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention", "_thnn_fused_lstm_cell",
    "_scaled_dot_product_attention_math", "mkldnn_convolution", "cudnn_convolution", "_native_batch_norm_legit",
    "gelu", "silu", "sigmoid", "tanh", "relu", "elu", "leaky_relu", "hardtanh", "softplus", "cumsum", "cumprod",
    "sum", "mean", "amax", "amin", "prod", "norm", "linalg_vector_norm", "mul", "add", "sub", "div", "exp",
)  # fmt: skip
"""Operators that do a problem's work, unlike allocating, viewing and copying."""

_TORCH_KERNELS = (
    "at::native", "at_cuda_detail", "cutlass", "cublas", "cudnn", "gemm", "sm80_", "sm90_", "nvjet", "ampere_",
    "volta_", "implicit_convolve", "pytorch_flash", "fmha", "Memcpy", "Memset", "elementwise_kernel", "gemv",
    "void at::", "splitKreduce", "void cask", "nchwToNhwc", "nhwcToNchw", "xmma", "dot_kernel", "cub::",
    "thrust::",
)  # fmt: skip
"""What the names of kernels have in them that come with torch or its libraries."""

_LIBRARIES = ("at", "at_cuda_detail", "cutlass", "cublas", "cublasLt", "cudnn", "cub", "thrust", "c10")
"""Their namespaces, in which a candidate declares nothing."""

_MOST_DECLARED = 60
_BOUNDS = re.compile(r"__(?:launch_bounds|cluster_dims|maxnreg|attribute)__\s*\((?:[^()]|\([^()]*\))*\)")
_CUDA_KERNEL = re.compile(r"__global__\b[^(;{}]{0,200}?\b(\w{1,120})\s*\(")
_TRITON_KERNEL = re.compile(
    r"@(?:triton\.)?jit\b[^\n]*\n(?:[ \t]*(?:[@#][^\n]*)?\n)*[ \t]*def[ \t]+(\w{1,120})"
)
_KERNEL_NAME = re.compile(r"(?:void )?((?:\(anonymous namespace\)::|\w+::)*)(\w+)")
"""A kernel's demangled name: its namespaces, its own name, and what follows."""


def declared_kernels(source: str) -> tuple[str, ...]:
    """The names of CUDA's and Triton's kernels that a source declares, as far as they are written out."""
    cuda = _CUDA_KERNEL.findall(_BOUNDS.sub(" ", source))
    return tuple(dict.fromkeys((*cuda, *_TRITON_KERNEL.findall(source))))[:_MOST_DECLARED]


def evidence_of(told: bytes) -> Evidence | None:
    """The evidence that the bytes hold, or None where they hold none."""
    try:
        return msgspec.json.decode(told, type=Evidence)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def findings_of(evidence: Evidence, *, cuda: bool, allows_tf32: bool) -> tuple[Finding, ...]:
    """What the evidence says that a reader of the result should know."""
    return tuple(_findings(evidence, cuda=cuda, allows_tf32=allows_tf32))


def _findings(evidence: Evidence, *, cuda: bool, allows_tf32: bool) -> Iterator[Finding]:
    computing = [name for name in sorted(evidence.operators) if _operator(name) in _COMPUTE]
    if computing:
        yield Finding("torch_fallback", f"torch did part of the work: {', '.join(computing)}"[:500])
    if cuda and not any(_is_custom(name, evidence.declared) for name in evidence.kernels):
        yield Finding("no_custom_kernel", f"no kernel of the candidate's own ran; {_names(evidence.kernels)}")
    if evidence.replaced:
        yield Finding("tampered", f"replaced in its process: {', '.join(evidence.replaced)}"[:500])
    if evidence.threads or evidence.busy:
        yield Finding(
            "threads_left", f"{evidence.threads} Python threads left, {evidence.busy} busy between calls"
        )
    if evidence.children:
        yield Finding("children_left", f"{evidence.children} child processes left")
    if evidence.tf32 and not allows_tf32:
        yield Finding("tf32", "the candidate's process allows TF32 in fp32 matrix products")


def _operator(name: str) -> str:
    """aten::addmm as addmm, in-place forms as their plain ones."""
    return name.removeprefix("aten::").removesuffix("_")


def _is_custom(kernel: str, declared: Collection[str]) -> bool:
    """Whether a kernel is one that the candidate declares, or none that is known to come with torch."""
    named = _KERNEL_NAME.match(kernel)
    if named is not None and named[2] in declared and named[1].partition("::")[0] not in _LIBRARIES:
        return True
    return not any(word in kernel for word in _TORCH_KERNELS)


def _names(kernels: Collection[str]) -> str:
    return f"what ran: {', '.join(sorted(kernels))}"[:400] if kernels else "nothing ran on the device"
