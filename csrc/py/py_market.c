/* Captures and synthetic streams as bytes plus an index of records. */
#include "market/replay/replay.h"

#include "py/module.h"

#include <errno.h>
#include <string.h>

static int source_of(const char *name, enum rl_source *source)
{
    static const char *const names[] = {
#define X(id, text) text,
        RL_SOURCES(X)
#undef X
    };

    for (size_t i = 0; i < RL_COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *source = (enum rl_source)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "no reader for '%s'", name);
    return -1;
}

static PyObject *replay_index(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"source", "data", NULL};
    struct rl_replay_error error = {0, ""};
    enum rl_source source;
    const char *source_name;
    uint64_t n = 0;
    Py_buffer data;
    PyObject *recs = NULL;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "sy*:replay_index", names, &source_name, &data))
        return NULL;
    if (source_of(source_name, &source) < 0)
        goto out;
    Py_BEGIN_ALLOW_THREADS
    err = rl_replay_index(source, data.buf, (uint64_t)data.len, NULL, 0, &n, &error);
    Py_END_ALLOW_THREADS
    if (err == 0) {
        recs = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * sizeof(struct rl_stream_rec)));
        if (!recs)
            goto out;
        struct rl_stream_rec *out = (struct rl_stream_rec *)(void *)PyBytes_AsString(recs);

        Py_BEGIN_ALLOW_THREADS
        err = rl_replay_index(source, data.buf, (uint64_t)data.len, out, n, &n, &error);
        Py_END_ALLOW_THREADS
    }
    if (err) {
        char text[256];

        Py_CLEAR(recs);
        PyOS_snprintf(text, sizeof(text), "at byte %llu: %s", (unsigned long long)error.offset,
                      error.what);
        core_raise(module, err, err == -EBADMSG ? text : NULL);
    }
out:
    PyBuffer_Release(&data);
    return recs;
}

PyDoc_STRVAR(
    index_doc,
    "replay_index($module, /, source, data)\n--\n\n"
    "Index of the records of a capture ('itch', 'dbn', 'fix', 'pcap') as bytes of 24 a "
    "record.\n\nRaises EngineError with the offset when the capture is truncated or lies.");

PyMethodDef market_functions[] = {
    {"replay_index", RL_PY_KEYWORDS(replay_index), index_doc},
    {NULL, NULL, 0, NULL},
};
