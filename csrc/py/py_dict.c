/* Dictionary: the tables of a FIX version, built from arrays; immutable, so that threads share it.
 */
#include "py/dict.h"

#include "py/py_records.h"

#include <errno.h>
#include <string.h>

/* The most fields of a message that `validate` looks at. */
#define MAX_FIELDS 8192

struct py_dict {
    PyObject_HEAD
    struct rl_fix_dict dict;
    struct rl_arena arena; /* base is NULL: the tables are of a dictionary in `keeps` */
    PyObject *keeps;       /* a tuple of the dictionaries whose tables are used as well */
};

static const struct py_records_want wants[] = {
    {NULL, "fields", sizeof(uint32_t), sizeof(uint32_t), false},
    {NULL, "members", sizeof(uint32_t), sizeof(uint32_t), false},
    {NULL, "groups", sizeof(uint32_t), sizeof(uint32_t), false},
    {NULL, "messages", sizeof(uint32_t), sizeof(uint32_t), false},
};
#define N_ARRAYS RL_COUNT(wants)

/* Words of a row of each array. */
static const size_t row_words[N_ARRAYS] = {
    sizeof(struct rl_fix_spec_field) / sizeof(uint32_t),
    sizeof(struct rl_fix_spec_member) / sizeof(uint32_t),
    sizeof(struct rl_fix_spec_run) / sizeof(uint32_t),
    sizeof(struct rl_fix_spec_message) / sizeof(uint32_t),
};

static struct py_dict *dict_alloc(PyTypeObject *type)
{
    return (struct py_dict *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
}

/* The texts of a sequence of str; *keep holds them. NULL with an exception. */
static const char **texts_of(PyObject *op, const char *name, PyObject **keep, uint32_t *n)
{
    const char **texts;
    Py_ssize_t n_texts;

    *keep = PySequence_Tuple(op);
    if (!*keep)
        return NULL;
    n_texts = PyTuple_Size(*keep);
    texts = PyMem_Calloc((size_t)n_texts + 1, sizeof(*texts));
    if (!texts) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n_texts; i++) {
        Py_ssize_t n_bytes = 0;

        texts[i] = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(*keep, i), &n_bytes);
        if (texts[i] && strlen(texts[i]) != (size_t)n_bytes) {
            PyErr_Format(PyExc_ValueError, "%s: a text holds a NUL", name);
            texts[i] = NULL;
        }
        if (!texts[i]) {
            PyMem_Free(texts);
            return NULL;
        }
    }
    *n = (uint32_t)n_texts;
    return texts;
}

static int build(struct py_dict *self, const struct rl_fix_dict_spec *spec)
{
    size_t n_bytes = rl_fix_dict_bytes(spec);
    int err;

    /* 0: the spec is no good; building says why, and needs no arena for that. */
    err = n_bytes > 0 ? rl_arena_open(&self->arena, n_bytes, 0) : 0;
    if (!err) {
        Py_BEGIN_ALLOW_THREADS
        err = rl_fix_dict_build(&self->dict, &self->arena, spec);
        Py_END_ALLOW_THREADS
    }
    if (err == -EINVAL)
        PyErr_SetString(PyExc_ValueError, self->dict.what ? self->dict.what : "no dictionary");
    else if (err)
        PyErr_NoMemory();
    return err;
}

/* Other application versions of the same transport. */
static int add_all(struct py_dict *self, PyObject *also)
{
    self->keeps = PySequence_Tuple(also);
    if (!self->keeps)
        return -1;
    for (Py_ssize_t i = 0; i < PyTuple_Size(self->keeps); i++) {
        PyObject *other = PyTuple_GetItem(self->keeps, i);

        if (Py_TYPE(other) != Py_TYPE((PyObject *)self)) {
            PyErr_SetString(PyExc_TypeError, "also: not a Dictionary");
            return -1;
        }
        if (rl_fix_dict_add(&self->dict, &((struct py_dict *)other)->dict) < 0) {
            PyErr_SetString(PyExc_ValueError, "also: not another application version of the same "
                                              "transport");
            return -1;
        }
    }
    return 0;
}

static PyObject *dict_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"begin_string", "appl_ver_id", "flags",  "values",   "message_types",
                            "fields",       "members",     "groups", "messages", "header",
                            "trailer",      "also",        NULL};
    struct py_records arrays[N_ARRAYS] = {{.n = 0}};
    struct py_records_want want[N_ARRAYS];
    PyObject *values, *types, *also, *keep_values = NULL, *keep_types = NULL;
    const char *appl_ver_id;
    struct rl_fix_dict_spec spec = {.flags = 0};
    const char **value_texts = NULL, **type_texts = NULL;
    struct py_dict *self = NULL;
    uint32_t n_types = 0;
    bool is_built = false;

    memcpy(want, wants, sizeof(want));
    if (!PyArg_ParseTupleAndKeywords(
            args, kw, "$ssIOOOOOO(II)(II)O:Dictionary", names, &spec.begin_string, &appl_ver_id,
            &spec.flags, &values, &types, &want[0].op, &want[1].op, &want[2].op, &want[3].op,
            &spec.header.first, &spec.header.n, &spec.trailer.first, &spec.trailer.n, &also) ||
        py_records_hold(arrays, want, N_ARRAYS) < 0)
        return NULL;
    for (size_t i = 0; i < N_ARRAYS; i++) {
        if (arrays[i].n % row_words[i] != 0 || arrays[i].n / row_words[i] >= UINT32_MAX) {
            PyErr_Format(PyExc_ValueError, "%s: not %zu words a row", want[i].name, row_words[i]);
            goto out;
        }
    }
    value_texts = texts_of(values, "values", &keep_values, &spec.n_values);
    if (!value_texts)
        goto out;
    type_texts = texts_of(types, "message_types", &keep_types, &n_types);
    if (!type_texts)
        goto out;
    spec.n_fields = (uint32_t)(arrays[0].n / row_words[0]);
    spec.n_members = (uint32_t)(arrays[1].n / row_words[1]);
    spec.n_groups = (uint32_t)(arrays[2].n / row_words[2]);
    spec.n_messages = (uint32_t)(arrays[3].n / row_words[3]);
    if (n_types != spec.n_messages) {
        PyErr_SetString(PyExc_ValueError, "message_types: not one for each message");
        goto out;
    }
    spec.appl_ver_id = appl_ver_id[0];
    spec.values = value_texts;
    spec.message_types = type_texts;
    spec.fields = arrays[0].view.buf;
    spec.members = arrays[1].view.buf;
    spec.groups = arrays[2].view.buf;
    spec.messages = arrays[3].view.buf;
    self = dict_alloc(type);
    is_built = self && build(self, &spec) == 0 && add_all(self, also) == 0;
out:
    py_records_release(arrays, N_ARRAYS);
    PyMem_Free(value_texts);
    PyMem_Free(type_texts);
    Py_XDECREF(keep_values);
    Py_XDECREF(keep_types);
    if (!is_built)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void dict_dealloc(PyObject *op)
{
    struct py_dict *self = (struct py_dict *)op;
    PyTypeObject *type = Py_TYPE(op);

    if (self->arena.base)
        rl_arena_close(&self->arena);
    Py_XDECREF(self->keeps);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static PyObject *dict_expecting(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"sender", "target", NULL};
    const char *sender, *target;
    struct py_dict *copy;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "ss:expecting", names, &sender, &target))
        return NULL;
    copy = dict_alloc(Py_TYPE(op));
    if (!copy)
        return NULL;
    copy->dict = ((struct py_dict *)op)->dict;
    copy->keeps = PyTuple_Pack(1, op);
    if (!copy->keeps) {
        Py_DECREF(copy);
        return NULL;
    }
    if (rl_fix_dict_expect(&copy->dict, sender, target) < 0) {
        Py_DECREF(copy);
        PyErr_Format(PyExc_ValueError, "a comp id has 1 to %d printable characters",
                     RL_FIX_DICT_NAME);
        return NULL;
    }
    return (PyObject *)copy;
}

static PyObject *dict_validate(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"message", "level", "carefully", NULL};
    const struct rl_fix_dict *d = &((struct py_dict *)op)->dict;
    int level = RL_FIX_LEVEL_DICTIONARY, carefully = 0;
    enum rl_fix_result result;
    struct rl_fix_field *fields;
    struct rl_fix_msg m;
    Py_buffer data;
    bool is_bad;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "y*|ip:validate", names, &data, &level, &carefully))
        return NULL;
    fields = PyMem_Malloc(MAX_FIELDS * sizeof(*fields));
    if (!fields || data.len > RL_FIX_MAX_MESSAGE || level < RL_FIX_LEVEL_FRAME ||
        level > RL_FIX_LEVEL_DICTIONARY) {
        if (fields)
            PyErr_SetString(PyExc_ValueError, "no such level, or a message of more than 1 MiB");
        else
            PyErr_NoMemory();
        PyMem_Free(fields);
        PyBuffer_Release(&data);
        return NULL;
    }
    rl_fix_init(&m, fields, MAX_FIELDS);
    result = rl_fix_parse(&m, data.buf, (uint32_t)data.len);
    if (result == RL_FIX_OK)
        result = carefully ? rl_fix_validate_carefully(d, &m, (enum rl_fix_level)level)
                           : rl_fix_validate(d, &m, (enum rl_fix_level)level);
    PyMem_Free(fields);
    PyBuffer_Release(&data);
    is_bad = result != RL_FIX_OK;
    return Py_BuildValue("(iiIIs)", (int)result, result == RL_FIX_REJECT ? (int)m.reason : -1,
                         result == RL_FIX_REJECT ? m.ref_tag : 0, is_bad ? m.ref_off : 0,
                         is_bad ? m.what : "");
}

static PyObject *dict_sizes(PyObject *op, void *unused)
{
    const struct rl_fix_dict *d = &((struct py_dict *)op)->dict;

    (void)unused;
    return Py_BuildValue("{sIsIsIsn}", "fields", d->n_fields, "messages", d->n_messages, "groups",
                         d->n_groups, "bytes", (Py_ssize_t)d->n_table_bytes);
}

static PyObject *reason_text(PyObject *unused, PyObject *arg)
{
    unsigned long reason = PyLong_AsUnsignedLong(arg);

    (void)unused;
    if (PyErr_Occurred())
        return NULL;
    return PyUnicode_FromString(
        rl_fix_reason_text(reason > UINT32_MAX ? UINT32_MAX : (uint32_t)reason));
}

const struct rl_fix_dict *dict_of(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject *core;

    /* One module, one type of that deallocator: no need of the module's state here. */
    if (PyType_GetSlot(type, Py_tp_dealloc) == (void *)dict_dealloc)
        return &((struct py_dict *)op)->dict;
    core = PyObject_GetAttrString(op, "core");
    if (!core) {
        if (PyErr_ExceptionMatches(PyExc_AttributeError))
            PyErr_Format(PyExc_TypeError, "dictionary: not a Dictionary");
        return NULL;
    }
    Py_DECREF(core); /* `op` has it */
    if (PyType_GetSlot(Py_TYPE(core), Py_tp_dealloc) == (void *)dict_dealloc)
        return &((struct py_dict *)core)->dict;
    PyErr_SetString(PyExc_TypeError, "dictionary: not a Dictionary");
    return NULL;
}

PyDoc_STRVAR(dict_doc, "Tables of a FIX version, built from arrays (csrc/market/fix/dict.h).");
PyDoc_STRVAR(validate_doc,
             "validate($self, /, message, level=3, carefully=False)\n--\n\n"
             "Parse and validate one message: (outcome, reason, ref_tag, ref_off, what).");
PyDoc_STRVAR(expecting_doc, "expecting($self, /, sender, target)\n--\n\n"
                            "The same dictionary, for messages that carry these comp ids.");
PyDoc_STRVAR(reason_text_doc, "fix_reason_text($module, reason, /)\n--\n\n"
                              "What Text (58) says for a SessionRejectReason (373).");

static PyMethodDef dict_methods[] = {
    {"validate", RL_PY_KEYWORDS(dict_validate), validate_doc},
    {"expecting", RL_PY_KEYWORDS(dict_expecting), expecting_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef dict_getset[] = {
    {"sizes", dict_sizes, NULL, "fields, messages, groups and bytes of tables", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot dict_slots[] = {
    {Py_tp_doc, (void *)dict_doc}, {Py_tp_new, dict_new},       {Py_tp_dealloc, dict_dealloc},
    {Py_tp_methods, dict_methods}, {Py_tp_getset, dict_getset}, {0, NULL},
};

PyType_Spec dictionary_spec = {
    .name = "engine._core.Dictionary",
    .basicsize = sizeof(struct py_dict),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = dict_slots,
};

PyMethodDef dictionary_functions[] = {
    {"fix_reason_text", reason_text, METH_O, reason_text_doc},
    {NULL, NULL, 0, NULL},
};
