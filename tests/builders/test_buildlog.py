from caesar.builders.buildlog import tidy

NINJA = """\
Error building extension 'add': [1/2] c++ -MMD -I/site/torch/include -c /cache/ab/add/main.cpp -o main.o
FAILED: [code=1] main.o
c++ -MMD -I/site/torch/include -c /cache/ab/add/main.cpp -o main.o
In file included from /cache/ab/add/main.cpp:1:
/site/torch/include/torch/extension.h:5: note: here
/cache/ab/add/main.cpp:3:5: error: 'x' was not declared in this scope
ninja: build stopped: subcommand failed.
"""


def test_a_compilers_words_are_kept_and_ninjas_echoes_and_our_folders_are_not():
    log = tidy(NINJA, hidden=("/cache/ab", "/site"))

    assert (
        "In file included from add/main.cpp:1:\n"
        "torch/include/torch/extension.h:5: note: here\n"
        "add/main.cpp:3:5: error: 'x' was not declared in this scope"
    ) == log


def test_what_a_module_prints_is_left_as_it_is():
    output = '[1] not ninja\'s\nFAILED to be lucky\n  File "candidate.py", line 1\n'

    assert output.rstrip("\n") == tidy(output)
