/* FIX in batches: fields to values, fields to bytes again. */
#include "market/fix/fix.h"

#include "py/py_fix.h"

#include <string.h>

/* --- values ----------------------------------------------------------------------------------- */

static PyObject *raise_outside(const char *what, uint64_t i)
{
    return PyErr_Format(PyExc_ValueError, "%s %llu lies outside the arrays", what,
                        (unsigned long long)i);
}

static PyObject *fix_find(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"messages", "fields", "tag", "found", NULL};
    struct py_records held[3];
    struct py_records_want wants[3] = {
        FIX_WANT_MESSAGES(false),
        FIX_WANT_FIELDS(false),
        {NULL, "found", sizeof(int64_t), _Alignof(int64_t), true},
    };
    const struct fix_message *m;
    const struct fix_field *fields;
    unsigned int tag;
    uint64_t n, bad = UINT64_MAX;
    int64_t *found;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOIO:fix_find", names, &wants[0].op, &wants[1].op,
                                     &tag, &wants[2].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    m = held[0].view.buf;
    fields = held[1].view.buf;
    found = held[2].view.buf;
    n = held[0].n < held[2].n ? held[0].n : held[2].n;
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; i < n; i++) {
        uint64_t first = m[i].first_field;

        found[i] = -1;
        if (first > held[1].n || m[i].n_fields > held[1].n - first) {
            bad = i;
            break;
        }
        for (uint64_t k = first; k < first + m[i].n_fields; k++) {
            if (fields[k].tag == tag) {
                found[i] = (int64_t)k;
                break;
            }
        }
    }
    Py_END_ALLOW_THREADS
    py_records_release(held, RL_COUNT(held));
    if (bad != UINT64_MAX)
        return raise_outside("message", bad);
    Py_RETURN_NONE;
}

enum kind { KIND_INT, KIND_PRICE, KIND_TIME };

static bool read_value(enum kind kind, const uint8_t *s, uint32_t n, int64_t *out)
{
    uint64_t ns;

    switch (kind) {
    case KIND_INT:
        return rl_fix_read_int(s, n, out);
    case KIND_PRICE:
        return rl_fix_read_px(s, n, out);
    default:
        if (!rl_fix_read_time(s, n, &ns) || ns > INT64_MAX)
            return false;
        *out = (int64_t)ns;
        return true;
    }
}

static int kind_of(const char *name, enum kind *kind)
{
    static const char *const kinds[] = {
        [KIND_INT] = "int", [KIND_PRICE] = "price", [KIND_TIME] = "time"};

    for (size_t i = 0; i < RL_COUNT(kinds); i++) {
        if (strcmp(kinds[i], name) == 0) {
            *kind = (enum kind)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "no values of kind '%s'", name);
    return -1;
}

static PyObject *fix_read(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"kind", "data", "fields", "which", "values", "valid", NULL};
    struct py_records held[5];
    struct py_records_want wants[5] = {
        FIX_WANT_DATA,
        FIX_WANT_FIELDS(false),
        {NULL, "which", sizeof(int64_t), _Alignof(int64_t), false},
        {NULL, "values", sizeof(int64_t), _Alignof(int64_t), true},
        {NULL, "valid", 1, 1, true},
    };
    const struct fix_field *fields;
    const uint8_t *data;
    const int64_t *which;
    const char *name;
    uint64_t n, bad = UINT64_MAX;
    int64_t *values;
    bool *valid;
    enum kind kind;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "sOOOOO:fix_read", names, &name, &wants[0].op,
                                     &wants[1].op, &wants[2].op, &wants[3].op, &wants[4].op) ||
        kind_of(name, &kind) < 0 || py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    data = held[0].view.buf;
    fields = held[1].view.buf;
    which = held[2].view.buf;
    values = held[3].view.buf;
    valid = held[4].view.buf;
    n = held[2].n < held[3].n ? held[2].n : held[3].n;
    n = n < held[4].n ? n : held[4].n;
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; i < n; i++) {
        const struct fix_field *f;

        values[i] = 0;
        valid[i] = false;
        if (which[i] < 0)
            continue;
        if ((uint64_t)which[i] >= held[1].n) {
            bad = i;
            break;
        }
        f = &fields[which[i]];
        if (f->offset > held[0].n || f->length > held[0].n - f->offset) {
            bad = i;
            break;
        }
        valid[i] = read_value(kind, data + f->offset, f->length, &values[i]);
        if (!valid[i])
            values[i] = 0;
    }
    Py_END_ALLOW_THREADS
    py_records_release(held, RL_COUNT(held));
    if (bad != UINT64_MAX)
        return raise_outside("field", bad);
    Py_RETURN_NONE;
}

/* --- encoding --------------------------------------------------------------------------------- */

#define MAX_BEGIN 16

struct encoding {
    const uint8_t *data;
    uint64_t n_data;
    const struct fix_message *messages;
    uint64_t n_messages;
    const struct fix_field *fields;
    uint64_t n_fields;
    uint8_t *out;
    uint64_t n_out, n_out_max;
    uint64_t at; /* the message that cannot be encoded */
    const char *what;
};

static bool encode_fails(struct encoding *e, uint64_t at, const char *what)
{
    e->at = at;
    e->what = what;
    return false;
}

static bool encode_one(struct encoding *e, uint64_t i)
{
    const struct fix_message *m = &e->messages[i];
    const struct fix_field *f = &e->fields[m->first_field];
    char begin_string[MAX_BEGIN + 1] = {0};
    struct rl_fix_enc enc;
    uint64_t room = e->n_out_max - e->n_out;
    uint32_t n;

    if (m->first_field > e->n_fields || m->n_fields > e->n_fields - m->first_field)
        return encode_fails(e, i, "its fields lie outside the array");
    for (uint32_t k = 0; k < m->n_fields; k++)
        if (f[k].offset > e->n_data || f[k].length > e->n_data - f[k].offset)
            return encode_fails(e, i, "a value lies outside the data");
    if (m->n_fields == 0 || f[0].tag != RL_FIX_BeginString || f[0].length > MAX_BEGIN)
        return encode_fails(e, i, "it does not begin with a BeginString");
    memcpy(begin_string, e->data + f[0].offset, f[0].length);
    if (strlen(begin_string) != f[0].length)
        return encode_fails(e, i, "a NUL in BeginString");
    rl_fix_begin(&enc, e->out + e->n_out, room < UINT32_MAX ? (uint32_t)room : UINT32_MAX,
                 begin_string);
    for (uint32_t k = 1; k < m->n_fields; k++) {
        /* What is computed, where it belongs; elsewhere these tags are fields like others. */
        if ((k == 1 && f[k].tag == RL_FIX_BodyLength) ||
            (k + 1 == m->n_fields && f[k].tag == RL_FIX_CheckSum))
            continue;
        rl_fix_put(&enc, f[k].tag, e->data + f[k].offset, f[k].length);
    }
    n = rl_fix_finish(&enc);
    if (n == 0)
        return encode_fails(e, i, "no room for it");
    e->n_out += n;
    return true;
}

static PyObject *fix_encode(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"data", "messages", "fields", "out", NULL};
    struct py_records held[4];
    struct py_records_want wants[4] = {
        FIX_WANT_DATA,
        FIX_WANT_MESSAGES(false),
        FIX_WANT_FIELDS(false),
        {NULL, "out", 0, 1, true},
    };
    struct encoding e = {0};
    bool is_good = true;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOOO:fix_encode", names, &wants[0].op, &wants[1].op,
                                     &wants[2].op, &wants[3].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    e.data = held[0].view.buf;
    e.n_data = held[0].n;
    e.messages = held[1].view.buf;
    e.n_messages = held[1].n;
    e.fields = held[2].view.buf;
    e.n_fields = held[2].n;
    e.out = held[3].view.buf;
    e.n_out_max = held[3].n;
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; is_good && i < e.n_messages; i++)
        is_good = encode_one(&e, i);
    Py_END_ALLOW_THREADS
    py_records_release(held, RL_COUNT(held));
    if (!is_good)
        return PyErr_Format(PyExc_ValueError, "message %llu cannot be encoded: %s",
                            (unsigned long long)e.at, e.what);
    return PyLong_FromUnsignedLongLong(e.n_out);
}

static PyObject *fix_data_tag(PyObject *module, PyObject *args)
{
    unsigned int tag;

    (void)module;
    if (!PyArg_ParseTuple(args, "I:fix_data_tag", &tag))
        return NULL;
    return PyLong_FromUnsignedLong(rl_fix_data_tag(tag));
}

/* --- the module's part ------------------------------------------------------------------------ */

PyDoc_STRVAR(find_doc, "fix_find($module, /, messages, fields, tag, found)\n--\n\n"
                       "found[i] = index of the first field with that tag in message i, or -1.");
PyDoc_STRVAR(read_doc,
             "fix_read($module, /, kind, data, fields, which, values, valid)\n--\n\n"
             "values[i] = field which[i] as 'int', 'price' (nano) or 'time' (ns since 1970).\n\n"
             "Where which[i] is negative or the text is no such value, valid[i] is False.");
PyDoc_STRVAR(encode_doc,
             "fix_encode($module, /, data, messages, fields, out)\n--\n\n"
             "Write every message into out, BodyLength and CheckSum computed; bytes written.");
PyDoc_STRVAR(data_tag_doc, "fix_data_tag($module, length_tag, /)\n--\n\n"
                           "The raw data tag whose length that tag states; 0 when it states none.");

PyMethodDef fix_value_functions[] = {
    {"fix_find", RL_PY_KEYWORDS(fix_find), find_doc},
    {"fix_read", RL_PY_KEYWORDS(fix_read), read_doc},
    {"fix_encode", RL_PY_KEYWORDS(fix_encode), encode_doc},
    {"fix_data_tag", fix_data_tag, METH_VARARGS, data_tag_doc},
    {NULL, NULL, 0, NULL},
};
