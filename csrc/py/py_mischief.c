#include "py/py_mischief.h"

#include <string.h>

#include "py/py_fields.h"

int py_dict_numbers(PyObject *dict, const struct py_dict_number *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        PyObject *value = PyDict_GetItemString(dict, numbers[i].name);
        uint64_t number;

        if (!value) {
            PyErr_Format(PyExc_KeyError, "%s is missing", numbers[i].name);
            return -1;
        }
        if (py_number(numbers[i].name, value, numbers[i].top, &number) < 0)
            return -1;
        if (numbers[i].out32)
            *numbers[i].out32 = (uint32_t)number;
        else
            *numbers[i].out64 = number;
    }
    return 0;
}

static int read_signed(PyObject *dict, const char *name, int64_t *out)
{
    PyObject *value = PyDict_GetItemString(dict, name);

    if (!value) {
        PyErr_Format(PyExc_KeyError, "%s is missing", name);
        return -1;
    }
    *out = PyLong_AsLongLong(value);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

/* A buffer of u64 nanoseconds: one value is a constant. */
static int read_latency(PyObject *dict, const char *name, Py_buffer *buffer, struct rl_latency *l)
{
    PyObject *value = PyDict_GetItemString(dict, name);

    if (!value || PyObject_GetBuffer(value, buffer, PyBUF_SIMPLE) < 0) {
        if (!value)
            PyErr_Format(PyExc_KeyError, "%s is missing", name);
        return -1;
    }
    if (buffer->len == 0 || buffer->len % 8 != 0 || buffer->len / 8 > UINT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%s: not an array of 64-bit numbers", name);
        return -1;
    }
    *l = (struct rl_latency){.values_ns = buffer->buf, .n = (uint32_t)(buffer->len / 8)};
    return 0;
}

static int read_halts(PyObject *dict, struct rl_mischief_config *c)
{
    PyObject *halts = PyDict_GetItemString(dict, "halts");
    Py_ssize_t n = halts ? PySequence_Size(halts) : -1;

    if (n < 0 || n > RL_MISCHIEF_HALTS) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "halts: at most %d", RL_MISCHIEF_HALTS);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        unsigned long long at_ns, for_ns;
        PyObject *halt = PySequence_GetItem(halts, i);
        bool is_pair = halt && PyArg_ParseTuple(halt, "KK", &at_ns, &for_ns);

        Py_XDECREF(halt);
        if (!is_pair)
            return -1;
        c->halts[i].at_ns = at_ns;
        c->halts[i].for_ns = for_ns;
    }
    c->n_halts = (uint32_t)n;
    return 0;
}

int py_mischief_read(struct py_mischief *m, PyObject *dict)
{
    struct rl_mischief_config *c = &m->config;
    const struct py_dict_number numbers[] = {
        {"seed", UINT64_MAX, NULL, &c->seed},
        {"slow_chance", RL_MISCHIEF_MILLION, &c->slow_chance, NULL},
        {"slow_ns", INT64_MAX, NULL, &c->slow_ns},
        {"late_fill_chance", RL_MISCHIEF_MILLION, &c->late_fill_chance, NULL},
        {"late_fill_ns", INT64_MAX, NULL, &c->late_fill_ns},
        {"duplicate_fill_chance", RL_MISCHIEF_MILLION, &c->duplicate_fill_chance, NULL},
        {"swap_chance", RL_MISCHIEF_MILLION, &c->swap_chance, NULL},
        {"bust_chance", RL_MISCHIEF_MILLION, &c->bust_chance, NULL},
        {"bust_after_ns", INT64_MAX, NULL, &c->bust_after_ns},
        {"reject_burst_chance", RL_MISCHIEF_MILLION, &c->reject_burst_chance, NULL},
        {"reject_burst", UINT32_MAX, &c->reject_burst, NULL},
        {"garbage_chance", RL_MISCHIEF_MILLION, &c->garbage_chance, NULL},
        {"garbage_bytes", UINT32_MAX, &c->garbage_bytes, NULL},
        {"reset_chance", RL_MISCHIEF_MILLION, &c->reset_chance, NULL},
        {"silence_chance", RL_MISCHIEF_MILLION, &c->silence_chance, NULL},
        {"silence_ns", INT64_MAX, NULL, &c->silence_ns},
        {"skew_at_ns", INT64_MAX, NULL, &c->skew_at_ns},
        {"n_waiting", 1 << 24, &c->n_waiting, NULL},
    };

    memset(m, 0, sizeof *m);
    if (!PyDict_Check(dict)) {
        PyErr_SetString(PyExc_TypeError, "mischief: not a dict");
        return -1;
    }
    if (py_dict_numbers(dict, numbers, RL_COUNT(numbers)) < 0)
        return -1;
    if (read_signed(dict, "skew_ns", &c->skew_ns) < 0 ||
        read_signed(dict, "drift_per_mega", &c->drift_per_mega) < 0 || read_halts(dict, c) < 0 ||
        read_latency(dict, "request_ns", &m->request, &c->request) < 0 ||
        read_latency(dict, "answer_ns", &m->answer, &c->answer) < 0) {
        py_mischief_release(m);
        return -1;
    }
    return 0;
}

void py_mischief_release(struct py_mischief *m)
{
    if (m->request.obj)
        PyBuffer_Release(&m->request);
    if (m->answer.obj)
        PyBuffer_Release(&m->answer);
}
