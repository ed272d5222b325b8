/* Every field of every ITCH 5.0 message as structured arrays, one dtype a type. */
#include "market/codec/itch_fields.h"

#include "market/replay/replay.h"
#include "py/py_layout.h"
#include "py/py_records.h"

#include <stddef.h>
#include <string.h>

#define FORMAT_CHAR "S1"
#define FORMAT_U32 "<u4"
#define FORMAT_U64 "<u8"
#define FORMAT_PX "<i8"
#define FORMAT_PX8 "<i8"
#define FORMAT_SYMBOL "S8"
#define FORMAT_TEXT2 "S2"
#define FORMAT_TEXT4 "S4"

/* One function a type: appends its members. */
#define MEMBER(kind, member) \
    || py_layout_add(list, #member, FORMAT_##kind, base + offsetof(struct_type, member)) < 0
#define LAYOUT(type, n_bytes, name)                               \
    static bool layout_##name(PyObject *list)                     \
    {                                                             \
        typedef struct rl_itch_##name struct_type;                \
        const size_t base = offsetof(struct rl_itch_value, name); \
                                                                  \
        return !(false RL_ITCH_FIELDS_##name(MEMBER));            \
    }
RL_ITCH_TYPES(LAYOUT)
#undef LAYOUT

static bool layout_of(uint8_t type, PyObject *list)
{
    switch (type) {
#define CASE(type, n_bytes, name) \
    case type:                    \
        return layout_##name(list);
        RL_ITCH_TYPES(CASE)
#undef CASE
    default:
        PyErr_Format(PyExc_ValueError, "type: ITCH 5.0 has no '%c'", type);
        return false;
    }
}

static PyObject *itch_layout(PyObject *module, PyObject *args)
{
    PyObject *list = NULL;
    int type;

    (void)module;
    if (!PyArg_ParseTuple(args, "c:itch_layout", &type))
        return NULL;
    list = PyList_New(0);
    if (!list)
        return NULL;
    if (py_layout_add(list, "locate", "<u2", offsetof(struct rl_itch_value, head.locate)) < 0 ||
        py_layout_add(list, "tracking", "<u2", offsetof(struct rl_itch_value, head.tracking)) < 0 ||
        py_layout_add(list, "ts_ns", "<u8", offsetof(struct rl_itch_value, head.ts_ns)) < 0 ||
        py_layout_add(list, "type", "S1", offsetof(struct rl_itch_value, type)) < 0 ||
        !layout_of((uint8_t)(char)type, list)) {
        Py_DECREF(list);
        return NULL;
    }
    return Py_BuildValue("(nN)", (Py_ssize_t)sizeof(struct rl_itch_value), list);
}

static PyObject *itch_read(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"data", "recs", "values", "valid", NULL};
    struct py_records held[4];
    struct py_records_want wants[4] = {
        {NULL, "data", 0, 1, false},
        {NULL, "recs", sizeof(struct rl_stream_rec), _Alignof(struct rl_stream_rec), false},
        {NULL, "values", sizeof(struct rl_itch_value), _Alignof(struct rl_itch_value), true},
        {NULL, "valid", 1, 1, true},
    };
    const struct rl_stream_rec *recs;
    struct rl_itch_value *values;
    uint64_t n;
    const uint8_t *data;
    bool *valid;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOOO:itch_read", names, &wants[0].op, &wants[1].op,
                                     &wants[2].op, &wants[3].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    data = held[0].view.buf;
    recs = held[1].view.buf;
    values = held[2].view.buf;
    valid = held[3].view.buf;
    n = py_records_least(held + 1, 3);
    if (py_recs_inside(recs, n, held[0].n) < 0) {
        py_records_release(held, RL_COUNT(held));
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; i < n; i++) {
        memset(&values[i], 0, sizeof(values[i]));
        valid[i] = rl_itch_read(data + recs[i].offset, recs[i].n_bytes, &values[i]);
    }
    Py_END_ALLOW_THREADS
    py_records_release(held, RL_COUNT(held));
    Py_RETURN_NONE;
}

static PyObject *itch_write(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"values", "out", "recs", NULL};
    struct py_records held[3];
    struct py_records_want wants[3] = {
        {NULL, "values", sizeof(struct rl_itch_value), _Alignof(struct rl_itch_value), false},
        {NULL, "out", 0, 1, true},
        {NULL, "recs", sizeof(struct rl_stream_rec), _Alignof(struct rl_stream_rec), true},
    };
    const struct rl_itch_value *values;
    struct rl_stream_rec *recs;
    uint64_t at = 0, n, bad = UINT64_MAX;
    uint8_t *out;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOO:itch_write", names, &wants[0].op, &wants[1].op,
                                     &wants[2].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    values = held[0].view.buf;
    out = held[1].view.buf;
    recs = held[2].view.buf;
    n = held[0].n < held[2].n ? held[0].n : held[2].n;
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; i < n; i++) {
        uint8_t message[RL_ITCH_MAX_MESSAGE];
        uint32_t n_bytes = rl_itch_write(message, &values[i]);

        if (n_bytes == 0 || held[1].n - at < n_bytes) {
            bad = i;
            break;
        }
        memcpy(out + at, message, n_bytes);
        recs[i] = (struct rl_stream_rec){
            .offset = at, .ts_ns = values[i].head.ts_ns, .n_bytes = n_bytes, .n_messages = 1};
        at += n_bytes;
    }
    Py_END_ALLOW_THREADS
    py_records_release(held, RL_COUNT(held));
    if (bad != UINT64_MAX)
        return PyErr_Format(PyExc_ValueError,
                            "message %llu: no such type, a stamp beyond 48 bits or a price off its "
                            "grid",
                            (unsigned long long)bad);
    return PyLong_FromUnsignedLongLong(at);
}

PyDoc_STRVAR(
    layout_doc,
    "itch_layout($module, type, /)\n--\n\n"
    "(bytes, [(name, format, offset)]) of a message type (b'A' ...) as itch_read fills it.");
PyDoc_STRVAR(read_doc, "itch_read($module, /, data, recs, values, valid)\n--\n\n"
                       "values[i] = the message recs[i]; valid[i] says whether it is one.");
PyDoc_STRVAR(write_doc, "itch_write($module, /, values, out, recs)\n--\n\n"
                        "Write every value as its message; bytes written, recs filled.");

PyMethodDef itch_field_functions[] = {
    {"itch_layout", itch_layout, METH_VARARGS, layout_doc},
    {"itch_read", RL_PY_KEYWORDS(itch_read), read_doc},
    {"itch_write", RL_PY_KEYWORDS(itch_write), write_doc},
    {NULL, NULL, 0, NULL},
};
