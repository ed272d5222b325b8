/* OUCH 5.0 in batches: messages in and out as structured arrays, a direction a dtype. */
#include "market/codec/ouch.h"

#include "market/replay/replay.h"
#include "py/py_layout.h"
#include "py/py_records.h"

#include <stddef.h>
#include <string.h>

#define FORMAT_CHAR "S1"
#define FORMAT_U16 "<u2"
#define FORMAT_U32 "<u4"
#define FORMAT_U64 "<u8"
#define FORMAT_PX "<i8"
#define FORMAT_SYMBOL "S8"
#define FORMAT_FIRM "S4"
#define FORMAT_ID "S14"

/*
 * A row is the struct itself, except that the view of its options holds an offset into the data
 * instead of an address: the same eight bytes.
 */
#define OPTIONS_AT(direction) offsetof(struct rl_ouch_##direction, options.bytes)
_Static_assert(sizeof(const uint8_t *) == sizeof(uint64_t), "an offset fits where an address lies");

/* "in" or "out"; -1 with an exception. */
static int direction_of(const char *name)
{
    if (strcmp(name, "in") == 0)
        return 0;
    if (strcmp(name, "out") == 0)
        return 1;
    PyErr_Format(PyExc_ValueError, "direction: neither 'in' nor 'out' but '%s'", name);
    return -1;
}

/* --- layout ----------------------------------------------------------------------------------- */

#define MEMBER(direction, kind, member) \
    || py_layout_add(list, #member, FORMAT_##kind, offsetof(struct rl_ouch_##direction, member)) < 0
#define MEMBER_IN(kind, member) MEMBER(in, kind, member)
#define MEMBER_OUT(kind, member) MEMBER(out, kind, member)
#define FIELDS_IN(type, n_bytes, appends, name) RL_OUCH_IN_##name(MEMBER_IN)
#define FIELDS_OUT(type, n_bytes, appends, name) RL_OUCH_OUT_##name(MEMBER_OUT)
#define OTHERS(direction)                                                           \
    MEMBER(direction, CHAR, type)                                                   \
    || py_layout_add(list, "options_offset", "<u8", OPTIONS_AT(direction)) < 0 ||   \
        py_layout_add(list, "options_bytes", "<u2",                                 \
                      offsetof(struct rl_ouch_##direction, options.n_bytes)) < 0 || \
        py_layout_add(list, "has_options", "?",                                     \
                      offsetof(struct rl_ouch_##direction, options.is_present)) < 0

static PyObject *ouch_layout(PyObject *module, PyObject *args)
{
    const char *name;
    PyObject *list;
    int direction;
    bool failed;

    (void)module;
    if (!PyArg_ParseTuple(args, "s:ouch_layout", &name))
        return NULL;
    direction = direction_of(name);
    list = direction < 0 ? NULL : PyList_New(0);
    if (!list)
        return NULL;
    if (direction == 0)
        failed = false OTHERS(in) RL_OUCH_IN_TYPES(FIELDS_IN);
    else
        failed = false OTHERS(out) RL_OUCH_OUT_TYPES(FIELDS_OUT);
    if (failed) {
        Py_DECREF(list);
        return NULL;
    }
    return Py_BuildValue(
        "(nN)",
        (Py_ssize_t)(direction == 0 ? sizeof(struct rl_ouch_in) : sizeof(struct rl_ouch_out)),
        list);
}

static PyObject *ouch_types(PyObject *module, PyObject *args)
{
    const char *name;
    PyObject *dict;
    int direction;

    (void)module;
    if (!PyArg_ParseTuple(args, "s:ouch_types", &name))
        return NULL;
    direction = direction_of(name);
    dict = direction < 0 ? NULL : PyDict_New();
    for (unsigned type = 0; dict && type < 256; type++) {
        uint8_t size = direction == 0 ? rl_ouch_in_sizes[type] : rl_ouch_out_sizes[type];
        char key[2] = {(char)type, 0};

        if (size > 0 && core_put(dict, key,
                                 Py_BuildValue("(sI)",
                                               direction == 0 ? rl_ouch_in_name((uint8_t)type)
                                                              : rl_ouch_out_name((uint8_t)type),
                                               size)) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_in(const uint8_t *data, const struct rl_stream_rec *r, uint8_t *row)
{
    struct rl_ouch_in v = {0};
    bool is_good = rl_ouch_read_in(data + r->offset, r->n_bytes, &v);
    uint64_t at = is_good && v.options.n_bytes > 0 ? (uint64_t)(v.options.bytes - data) : 0;

    memcpy(row, &v, sizeof(v));
    memcpy(row + OPTIONS_AT(in), &at, sizeof(at));
    return is_good;
}

static bool read_out(const uint8_t *data, const struct rl_stream_rec *r, uint8_t *row)
{
    struct rl_ouch_out v = {0};
    bool is_good = rl_ouch_read_out(data + r->offset, r->n_bytes, &v);
    uint64_t at = is_good && v.options.n_bytes > 0 ? (uint64_t)(v.options.bytes - data) : 0;

    memcpy(row, &v, sizeof(v));
    memcpy(row + OPTIONS_AT(out), &at, sizeof(at));
    return is_good;
}

static PyObject *ouch_read(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"direction", "data", "recs", "rows", "valid", NULL};
    struct py_records held[4];
    struct py_records_want wants[4] = {
        {NULL, "data", 0, 1, false},
        {NULL, "recs", sizeof(struct rl_stream_rec), _Alignof(struct rl_stream_rec), false},
        {NULL, "rows", 0, 1, true},
        {NULL, "valid", 1, 1, true},
    };
    const struct rl_stream_rec *recs;
    uint64_t n;
    const uint8_t *data;
    const char *name;
    uint8_t *rows;
    size_t n_row;
    bool *valid;
    int direction;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "sOOOO:ouch_read", names, &name, &wants[0].op,
                                     &wants[1].op, &wants[2].op, &wants[3].op))
        return NULL;
    direction = direction_of(name);
    n_row = direction == 0 ? sizeof(struct rl_ouch_in) : sizeof(struct rl_ouch_out);
    wants[2].n_bytes = n_row;
    if (direction < 0 || py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    data = held[0].view.buf;
    recs = held[1].view.buf;
    rows = held[2].view.buf;
    valid = held[3].view.buf;
    n = py_records_least(held + 1, 3);
    if (py_recs_inside(recs, n, held[0].n) < 0) {
        py_records_release(held, RL_COUNT(held));
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; i < n; i++) {
        valid[i] = direction == 0 ? read_in(data, &recs[i], rows + i * n_row)
                                  : read_out(data, &recs[i], rows + i * n_row);
    }
    Py_END_ALLOW_THREADS
    py_records_release(held, RL_COUNT(held));
    Py_RETURN_NONE;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The options of a row, in the data; false when they lie outside it. */
static bool options_of(const uint8_t *data, uint64_t n_data, uint64_t at, struct rl_ouch_options *o)
{
    if (o->n_bytes > 0 && (at > n_data || o->n_bytes > n_data - at))
        return false;
    o->bytes = o->n_bytes > 0 ? data + at : data;
    return true;
}

static uint32_t write_row(int direction, const uint8_t *row, const uint8_t *data, uint64_t n_data,
                          uint8_t *out, uint32_t n_max)
{
    uint64_t at;

    if (direction == 0) {
        struct rl_ouch_in v;

        memcpy(&v, row, sizeof(v));
        memcpy(&at, row + OPTIONS_AT(in), sizeof(at));
        return options_of(data, n_data, at, &v.options) ? rl_ouch_write_in(out, n_max, &v) : 0;
    } else {
        struct rl_ouch_out v;

        memcpy(&v, row, sizeof(v));
        memcpy(&at, row + OPTIONS_AT(out), sizeof(at));
        return options_of(data, n_data, at, &v.options) ? rl_ouch_write_out(out, n_max, &v) : 0;
    }
}

static PyObject *ouch_write(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"direction", "rows", "data", "out", "recs", NULL};
    struct py_records held[4];
    struct py_records_want wants[4] = {
        {NULL, "rows", 0, 1, false},
        {NULL, "data", 0, 1, false},
        {NULL, "out", 0, 1, true},
        {NULL, "recs", sizeof(struct rl_stream_rec), _Alignof(struct rl_stream_rec), true},
    };
    struct rl_stream_rec *recs;
    uint64_t n, at = 0, bad = UINT64_MAX;
    const char *name;
    size_t n_row;
    int direction;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "sOOOO:ouch_write", names, &name, &wants[0].op,
                                     &wants[1].op, &wants[2].op, &wants[3].op))
        return NULL;
    direction = direction_of(name);
    n_row = direction == 0 ? sizeof(struct rl_ouch_in) : sizeof(struct rl_ouch_out);
    wants[0].n_bytes = n_row;
    if (direction < 0 || py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    recs = held[3].view.buf;
    n = held[0].n < held[3].n ? held[0].n : held[3].n;
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; i < n; i++) {
        uint64_t room = held[2].n - at;
        uint32_t n_bytes = write_row(direction, (const uint8_t *)held[0].view.buf + i * n_row,
                                     held[1].view.buf, held[1].n, (uint8_t *)held[2].view.buf + at,
                                     room < UINT32_MAX ? (uint32_t)room : UINT32_MAX);

        if (n_bytes == 0) {
            bad = i;
            break;
        }
        recs[i] = (struct rl_stream_rec){.offset = at, .n_bytes = n_bytes, .n_messages = 1};
        at += n_bytes;
    }
    Py_END_ALLOW_THREADS
    py_records_release(held, RL_COUNT(held));
    if (bad != UINT64_MAX)
        return PyErr_Format(PyExc_ValueError,
                            "message %llu: no such type, options that do not hold together or that "
                            "the type does not take, or a price off the grid of 0.0001",
                            (unsigned long long)bad);
    return PyLong_FromUnsignedLongLong(at);
}

/* --- options ---------------------------------------------------------------------------------- */

static PyObject *ouch_options(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"options", NULL};
    struct py_records held;
    struct py_records_want want = {NULL, "options", 0, 1, false};
    struct rl_ouch_options options;
    struct rl_ouch_option option;
    PyObject *list;
    uint32_t at = 0;
    const uint8_t *bytes;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "O:ouch_options", names, &want.op) ||
        py_records_hold(&held, &want, 1) < 0)
        return NULL;
    bytes = held.view.buf;
    list = PyList_New(0);
    /* The caller's bytes need not have been checked by a reader. */
    while (list && at < held.n) {
        PyObject *item;

        if (held.n > UINT16_MAX || bytes[at] == 0 || held.n - at - 1 < bytes[at]) {
            PyErr_Format(PyExc_ValueError, "options: cut off at byte %u", (unsigned)at);
            Py_CLEAR(list);
            break;
        }
        options = (struct rl_ouch_options){.bytes = bytes, .n_bytes = (uint16_t)held.n};
        rl_ouch_next_option(&options, &at, &option);
        item = Py_BuildValue("(isy#)", (int)option.tag, rl_ouch_option_name(option.tag),
                             (const char *)option.value, (Py_ssize_t)option.n_bytes);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    py_records_release(&held, 1);
    return list;
}

/* --- the module's part ------------------------------------------------------------------------ */

PyDoc_STRVAR(types_doc, "ouch_types($module, direction, /)\n--\n\n"
                        "{type: (name, bytes of the fixed part)} of 'in' or 'out'.");
PyDoc_STRVAR(layout_doc, "ouch_layout($module, direction, /)\n--\n\n"
                         "(bytes, [(name, format, offset)]) of a message as ouch_read fills it.");
PyDoc_STRVAR(read_doc, "ouch_read($module, /, direction, data, recs, rows, valid)\n--\n\n"
                       "rows[i] = the message recs[i]; valid[i] says whether it is one.");
PyDoc_STRVAR(write_doc, "ouch_write($module, /, direction, rows, data, out, recs)\n--\n\n"
                        "Write every row, its options from data; bytes written, recs filled.");
PyDoc_STRVAR(options_doc, "ouch_options($module, /, options)\n--\n\n"
                          "[(tag, name, value)] of the options of one message.");

PyMethodDef ouch_functions[] = {
    {"ouch_types", ouch_types, METH_VARARGS, types_doc},
    {"ouch_layout", ouch_layout, METH_VARARGS, layout_doc},
    {"ouch_read", RL_PY_KEYWORDS(ouch_read), read_doc},
    {"ouch_write", RL_PY_KEYWORDS(ouch_write), write_doc},
    {"ouch_options", RL_PY_KEYWORDS(ouch_options), options_doc},
    {NULL, NULL, 0, NULL},
};
