import pytest

from caesar.devices.inventory import Device, cpu_name, find_gpus, inventory, visible
from caesar.errors import UsageError

LISTING = """0, GPU-aaaa1111-0000-0000-0000-000000000000, NVIDIA H200, 143771, 9.0
1, GPU-aabb2222-0000-0000-0000-000000000000, NVIDIA H200, 143771, 9.0
"""
FIRST = Device(
    "GPU-aaaa1111-0000-0000-0000-000000000000", "NVIDIA H200", index=0, memory_bytes=143771 << 20, arch="9.0"
)
SECOND = Device(
    "GPU-aabb2222-0000-0000-0000-000000000000", "NVIDIA H200", index=1, memory_bytes=143771 << 20, arch="9.0"
)


@pytest.fixture
def smi(tmp_path):
    """Puts a stand-in for nvidia-smi on a PATH of its own and returns the environment with it."""

    def install(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    return install


@pytest.fixture
def smi_listing(smi, tmp_path):
    def install(listing, **environ):
        (tmp_path / "listing").write_text(listing)
        return smi(f"cat '{tmp_path}/listing'") | environ

    return install


@pytest.mark.slow
def test_gpus_are_known_by_their_physical_uuid(smi_listing):
    assert (FIRST, SECOND) == inventory(environ=smi_listing(LISTING))


@pytest.mark.slow
def test_gpus_are_asked_for_by_the_columns_that_are_read(smi, tmp_path):
    find_gpus(smi(f'echo "$@" > {tmp_path}/asked'))

    asked = "--query-gpu=index,uuid,name,memory.total,compute_cap --format=csv,noheader,nounits\n"
    assert asked == (tmp_path / "asked").read_text()


@pytest.mark.slow
def test_what_cuda_visible_devices_hides_stays_hidden(smi_listing):
    assert (SECOND,) == inventory(environ=smi_listing(LISTING, CUDA_VISIBLE_DEVICES="1"))


@pytest.mark.slow
def test_hiding_every_gpu_leaves_the_cpu(smi_listing):
    devices = inventory(environ=smi_listing(LISTING, CUDA_VISIBLE_DEVICES=""))

    assert ["cpu:0"] == [device.id for device in devices]


@pytest.mark.slow
def test_facts_that_nvidia_smi_does_not_know_are_absent(smi_listing):
    found = find_gpus(smi_listing("0, GPU-1, Tesla, [N/A], [Not Supported]\n"))

    assert (Device("GPU-1", "Tesla", index=0),) == found.devices


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'driver is not loaded' >&2; exit 9", "ended with status 9 and said: driver is not loaded"),
        ("echo 'Failed to initialise'; exit 12", "ended with status 12 and said: Failed to initialise"),
        ("exit 3", "ended with status 3 and said: nothing"),
        ("echo 'No devices were found'", "could not be asked: it answered 'No devices were found'"),
        ("echo 'x, GPU-1, Tesla, 1, 9.0'", "could not be asked: invalid literal for int"),
    ],
)
def test_a_failing_nvidia_smi_is_no_gpu_with_a_reason(smi, script, reason):
    found = find_gpus(smi(script))

    assert () == found.devices
    assert reason in found.reason


@pytest.mark.slow
def test_a_failing_nvidia_smi_leaves_the_cpu_and_a_diagnostic(smi, caplog, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    caplog.set_level("INFO")
    devices = inventory(environ=smi("echo broken; exit 1"), cpu_slots=2)

    assert ["cpu:0", "cpu:1"] == [device.id for device in devices]
    assert "broken" in caplog.text


@pytest.mark.slow
def test_an_nvidia_smi_that_hangs_is_no_gpu(smi, monkeypatch):
    monkeypatch.setattr("caesar.devices.inventory._QUERY_LIMIT_S", 0.2)

    assert "timed out" in find_gpus(smi("exec sleep 60")).reason


def test_without_nvidia_smi_there_is_no_gpu(tmp_path):
    found = find_gpus({"PATH": str(tmp_path)})

    assert "no GPU is used: nvidia-smi is not on the PATH" == found.reason


def test_without_gpus_the_slots_of_the_cpu_are_the_devices(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(6)))
    devices = inventory(environ={"PATH": str(tmp_path)}, cpu_slots=3)

    assert ["cpu:0", "cpu:1", "cpu:2"] == [device.id for device in devices]
    assert 1 == len({device.name for device in devices})
    assert devices[0].name


@pytest.mark.parametrize("slots", [0, -1])
def test_an_inventory_without_any_device_cannot_be_asked_for(slots):
    with pytest.raises(UsageError, match="CPU slots can't be made of"):
        inventory(environ={}, cpu_slots=slots)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (None, (FIRST, SECOND)),
        ("0,1", (FIRST, SECOND)),
        ("1,0", (SECOND, FIRST)),
        (" 1 ", (SECOND,)),
        (SECOND.id, (SECOND,)),
        ("GPU-aabb", (SECOND,)),
        ("GPU-aabb,0", (SECOND, FIRST)),
    ],
)
def test_a_selection_names_gpus_by_index_or_uuid_in_its_own_order(selection, expected):
    found = visible((FIRST, SECOND), selection)

    assert expected == found.devices
    assert found.reason is None


@pytest.mark.parametrize("selection", ["", " ", "-1", "NoDevFiles", "GPU-", "GPU-aa", "MIG-1234", "7", "-1,0"])
def test_a_selection_that_begins_with_no_gpu_hides_all(selection):
    found = visible((FIRST, SECOND), selection)

    assert () == found.devices
    assert "CUDA_VISIBLE_DEVICES" in found.reason


@pytest.mark.parametrize("selection", ["0,7,1", "0,-1,1", "0,0,1", "0,,1"])
def test_a_selection_counts_up_to_the_first_entry_that_names_no_further_gpu(selection):
    found = visible((FIRST, SECOND), selection)

    assert (FIRST,) == found.devices
    assert f"CUDA_VISIBLE_DEVICES={selection} counts up to" in found.reason


def test_a_cpu_is_named_by_its_model():
    assert "Some CPU @ 2.0GHz" == cpu_name("processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz\n")


def test_a_cpu_without_a_model_name_is_named_by_its_architecture(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")

    assert "aarch64" == cpu_name("processor\t: 0\nBogoMIPS\t: 50.0\n")
