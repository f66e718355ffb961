import pytest

from caesar.builders.flags import device_arch, for_compiler, for_linker, for_nvcc


def confined(path):
    return path.is_relative_to("/usr/local/cuda") or not path.is_absolute()


@pytest.mark.parametrize(
    "flag",
    [
        "-O3", "-Ofast", "-march=native", "-mavx2", "-mfma", "-ffast-math", "-fopenmp", "-fno-math-errno",
        "-funroll-loops",
        "-std=c++17", "-Wall", "-Wno-unused-variable", "-DUSE_THIS=1", "-UNDEBUG", "-g", "-w",
        "-I/usr/local/cuda/include", "-Iinclude", "-fPIC", "-pthread",
    ],
)  # fmt: skip
def test_flags_that_change_code_only_are_passed_to_the_compiler(flag):
    flags = for_compiler([flag], confined=confined)

    assert ((flag,), ()) == (flags.kept, flags.dropped)


@pytest.mark.parametrize(
    "flag",
    [
        "-fplugin=/tmp/evil.so", "-fplugin-arg-x-y=z", "-o /tmp/x", "-include /etc/passwd", "@/etc/passwd",
        "-B/tmp", "-B /tmp",
        "-specs=/tmp/specs", "-wrapper sh,-c,id", "-Wl,-rpath,/tmp", "-Wa,--listing=/tmp/x",
        "-Wp,-MD,/tmp/x", "-MD", "-MF /tmp/x",
        "-save-temps", "-fdump-tree-all", "-fprofile-use=/tmp", "-I/root", "-I../..", "-isystem /etc",
        "-x c", "-E", "-S", "-v",
        "-###", "--sysroot=/tmp", "-no-canonical-prefixes", "-fsanitize=address", "-flto", "-Xlinker -T",
        "-imacros /etc/passwd",
        "-iquote/root", "main.cpp", "/etc/passwd", "-dumpbase", "-aux-info", "-fworking-directory",
        "-fmodules-ts",
    ],
)  # fmt: skip
def test_flags_that_reach_further_are_not_passed_to_the_compiler(flag):
    flags = for_compiler([flag], confined=lambda path: ".." not in path.parts and confined(path))

    assert ((), (flag,)) == (flags.kept, flags.dropped)


def test_one_string_may_hold_several_flags():
    flags = for_compiler(["-O3 -fopenmp -fplugin=x", " -DA='b c'"], confined=confined)

    assert ("-O3", "-fopenmp", "-DA=b c") == flags.kept
    assert ("-fplugin=x",) == flags.dropped


@pytest.mark.parametrize("sort_out", [for_compiler, for_nvcc])
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["-I", "include"], ("-Iinclude",)),
        (["-I include"], ("-Iinclude",)),
        (["-D", "A=1", "-U", "B"], ("-DA=1", "-UB")),
        (["-isystem", "include"], ("-isystem", "include")),
    ],
)
def test_a_flag_and_its_value_are_one_word_where_they_can_be(sort_out, given, kept):
    assert (kept, ()) == (sort_out(given, confined=confined).kept, sort_out(given, confined=confined).dropped)


def test_a_flag_is_no_folder():
    flags = for_compiler(["-isystem", "-DA", "-I", "/root"], confined=confined)

    assert ((), ("-isystem -DA", "-I /root")) == (flags.kept, flags.dropped)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["-O3"], ("-O3",)),
        (["--use_fast_math"], ("--use_fast_math",)),
        (["-Xcompiler", "-fopenmp"], ("-Xcompiler", "-fopenmp")),
        (["-Xcompiler=-O3,-fopenmp"], ("-Xcompiler", "-O3", "-Xcompiler", "-fopenmp")),
        (["--compiler-options", "'-fPIC'"], ("-Xcompiler", "-fPIC")),
        (["-Xptxas=-v,-O3"], ("-Xptxas", "-v", "-Xptxas", "-O3")),
        (["--ptxas-options=-dlcm=ca"], ("-Xptxas", "-dlcm=ca")),
        (["-maxrregcount", "64"], ("-maxrregcount=64",)),
        (["-std", "c++17"], ("-std=c++17",)),
        (["--extended-lambda", "-lineinfo"], ("--extended-lambda", "-lineinfo")),
        (["-U__CUDA_NO_HALF_OPERATORS__"], ("-U__CUDA_NO_HALF_OPERATORS__",)),
        (["-arch=sm_80", "-gencode=arch=compute_80,code=sm_80", "-t", "4"], ()),
    ],
)
def test_nvccs_flags_are_passed_on_but_for_the_architecture(given, kept):
    flags = for_nvcc(given, confined=confined)

    assert (kept, ()) == (flags.kept, flags.dropped)


@pytest.mark.parametrize(
    "given",
    [
        ["-Xcompiler", "-fplugin=x.so"], ["-Xcompiler=-O2,-specs=x"], ["--compiler-options", "-wrapper,sh"],
        ["-ccbin", "/tmp/gcc"],
        ["--compiler-bindir=/tmp"], ["-o", "/tmp/x"], ["--options-file", "/tmp/x"], ["-optf=/tmp/x"],
        ["--keep-dir=/tmp"], ["-Xptxas=-o,x"],
        ["--dryrun"], ["-Xlinker", "-T"], ["-include", "/etc/passwd"], ["--pre-include=/etc/passwd"],
        ["-rdc=true"], ["-dlto"], ["-E"],
        ["--run"], ["-Xcudafe", "--gen_c_file_name=/tmp/x"], ["-ldir", "/tmp"], ["@/etc/passwd"],
    ],
)  # fmt: skip
def test_nvccs_flags_that_reach_further_are_dropped(given):
    flags = for_nvcc(given, confined=confined)

    assert () == flags.kept
    assert 1 <= len(flags.dropped)


def test_the_linker_is_passed_libraries_and_folders_of_the_toolchain():
    flags = for_linker(
        [
            "-lcublas",
            "-L/usr/local/cuda/lib64",
            "-fopenmp",
            "-L/root",
            "-Wl,-rpath,/root",
            "-T",
            "script",
            "/etc/x.o",
        ],
        confined=confined,
    )

    assert ("-lcublas", "-L/usr/local/cuda/lib64", "-fopenmp") == flags.kept
    assert ("-L/root", "-Wl,-rpath,/root", "-T script", "/etc/x.o") == flags.dropped


def test_the_architecture_is_the_devices_with_the_features_that_are_asked_for():
    assert "90" == device_arch(["-arch=sm_80"], "9.0")
    assert "90a" == device_arch(["-gencode=arch=compute_90a,code=sm_90a"], "9.0")
    assert "80" == device_arch(["-gencode", "arch=compute_90a,code=sm_90a"], "8.0")
