#include "py/py_stream.h"

#include <string.h>

#include "py/py_records.h"

static const char *const framing_names[] = {
#define X(id, text) text,
    RL_FRAMINGS(X)
#undef X
};

static const char *const feed_names[] = {
    [RL_FEED_ITCH] = "itch", [RL_FEED_DBN] = "dbn", [RL_FEED_FIX] = "fix"};

/* Index of the text attribute among names; -1 with an exception. */
static int choice(PyObject *op, const char *attribute, const char *const *names, size_t n)
{
    PyObject *text = PyObject_GetAttrString(op, attribute);
    const char *s = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;
    int found = -1;

    for (size_t i = 0; s && i < n && found < 0; i++) {
        if (strcmp(s, names[i]) == 0)
            found = (int)i;
    }
    if (s && found < 0)
        PyErr_Format(PyExc_ValueError, "a stream has no %s '%s'", attribute, s);
    Py_XDECREF(text);
    return found;
}

static int buffer(PyObject *op, const char *attribute, Py_buffer *view)
{
    PyObject *value = PyObject_GetAttrString(op, attribute);
    int err = value ? PyObject_GetBuffer(value, view, PyBUF_C_CONTIGUOUS) : -1;

    Py_XDECREF(value);
    return err;
}

int py_stream_get(PyObject *op, struct py_stream *out)
{
    int feed = choice(op, "feed", feed_names, RL_COUNT(feed_names));
    int framing = choice(op, "framing", framing_names, RL_COUNT(framing_names));
    PyObject *loop_from;

    memset(out, 0, sizeof(*out));
    if (feed < 0 || framing < 0 || buffer(op, "data", &out->data) < 0 ||
        buffer(op, "recs", &out->recs) < 0)
        goto fail;
    out->stream = (struct rl_stream){
        .bytes = out->data.buf,
        .n_bytes = (uint64_t)out->data.len,
        .recs = out->recs.buf,
        .n_recs = (uint64_t)out->recs.len / sizeof(struct rl_stream_rec),
        .framing = (enum rl_framing)framing,
        .feed = (enum rl_feed_kind)feed,
    };
    loop_from = PyObject_GetAttrString(op, "loop_from");
    if (!loop_from)
        goto fail;
    out->stream.loop_from = PyLong_AsUnsignedLongLong(loop_from);
    Py_DECREF(loop_from);
    if (PyErr_Occurred() ||
        py_recs_inside(out->stream.recs, out->stream.n_recs, out->stream.n_bytes) < 0)
        goto fail;
    return 0;
fail:
    py_stream_release(out);
    return -1;
}

void py_stream_release(struct py_stream *s)
{
    if (s->data.obj)
        PyBuffer_Release(&s->data);
    if (s->recs.obj)
        PyBuffer_Release(&s->recs);
}
