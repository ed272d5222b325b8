/* FIX in batches: a buffer of bytes to arrays of messages and fields. */
#include "market/fix/dict.h"
#include "market/fix/fix.h"

#include "py/dict.h"
#include "py/py_fix.h"

#include <stdlib.h>
#include <string.h>

static const char *const result_names[] = {
    [RL_FIX_OK] = "ok",
    [RL_FIX_PARTIAL] = "partial",
    [RL_FIX_REJECT] = "reject",
    [RL_FIX_GARBLED] = "garbled",
};

/* --- parsing ---------------------------------------------------------------------------------- */

/* More than any parser has to say: what does not fit is called by the first. */
#define MAX_SENTENCES 128

struct batch {
    const uint8_t *data;
    uint64_t n_data;
    uint64_t at; /* everything before is in rows */
    enum rl_fix_level level;
    const struct rl_fix_dict *dict; /* for the levels above CHECKSUM */
    struct fix_message *messages;
    uint64_t n_messages, n_messages_max;
    struct fix_field *fields;
    uint64_t n_fields, n_fields_max;
    uint64_t first_field; /* fields that are in the caller's array already */
    bool is_full;         /* stopped for want of room, not of data */
    uint16_t n_sentences;
    const char *sentences[MAX_SENTENCES];
};

static uint16_t sentence(struct batch *b, const char *what)
{
    if (!what)
        return 0;
    for (uint16_t i = 1; i < b->n_sentences; i++)
        if (b->sentences[i] == what)
            return i;
    if (b->n_sentences == MAX_SENTENCES)
        return 0;
    b->sentences[b->n_sentences] = what;
    return b->n_sentences++;
}

/* One row from what the parser left; false when its fields find no room. */
static bool row(struct batch *b, const struct rl_fix_msg *m, enum rl_fix_result result,
                uint32_t n_bytes)
{
    /* What a garbled message seems to contain is nobody's business. */
    uint32_t n_fields = result == RL_FIX_GARBLED ? 0 : m->n_fields;

    if (b->n_fields_max - b->n_fields < n_fields)
        return false;
    b->messages[b->n_messages++] = (struct fix_message){
        .offset = b->at,
        .first_field = b->first_field + b->n_fields,
        .ref_offset = result == RL_FIX_OK ? 0 : b->at + m->ref_off,
        .n_bytes = n_bytes,
        .type = result == RL_FIX_GARBLED ? 0 : m->type,
        .n_fields = n_fields,
        .ref_tag = result == RL_FIX_REJECT ? m->ref_tag : 0,
        .reason = result == RL_FIX_REJECT ? (int16_t)m->reason : -1,
        .what = result == RL_FIX_OK ? 0 : sentence(b, m->what),
        .outcome = (uint8_t)result,
    };
    for (uint32_t i = 0; i < n_fields; i++)
        b->fields[b->n_fields++] = (struct fix_field){
            .offset = b->at + m->fields[i].off,
            .length = m->fields[i].len,
            .tag = m->fields[i].tag,
        };
    return true;
}

static void parse(struct batch *b, struct rl_fix_field *table, uint32_t n_table)
{
    struct rl_fix_msg m;

    rl_fix_init(&m, table, n_table);
    while (b->at < b->n_data) {
        uint32_t n_bytes;
        enum rl_fix_result result = rl_fix_frame(b->data + b->at, b->n_data - b->at, &n_bytes);

        if (result == RL_FIX_PARTIAL)
            return;
        if (b->n_messages == b->n_messages_max) {
            b->is_full = true;
            return;
        }
        if (result == RL_FIX_GARBLED) {
            m.n_fields = 0;
            m.ref_off = 0;
            m.what = "bytes that begin no message";
        } else if (b->level == RL_FIX_LEVEL_FRAME) {
            m.n_fields = 0;
            m.type = 0;
        } else {
            result = rl_fix_parse(&m, b->data + b->at, n_bytes);
            if (result == RL_FIX_OK && b->dict)
                result = rl_fix_validate(b->dict, &m, b->level);
        }
        if (!row(b, &m, result, n_bytes)) {
            b->is_full = true;
            return;
        }
        b->at += n_bytes;
    }
}

/* Numbers the rows' sentences as the caller's list does, which grows by the new ones. */
static int sentences_merge(struct batch *b, PyObject *list)
{
    uint16_t places[MAX_SENTENCES] = {0};

    for (uint16_t i = 1; i < b->n_sentences; i++) {
        PyObject *text = PyUnicode_FromString(b->sentences[i]);
        Py_ssize_t n = PyList_Size(list), place = 0;

        if (!text)
            return -1;
        while (place < n) {
            int is_same = PyObject_RichCompareBool(text, PyList_GetItem(list, place), Py_EQ);

            if (is_same < 0) {
                Py_DECREF(text);
                return -1;
            }
            if (is_same)
                break;
            place++;
        }
        if (place == n && PyList_Append(list, text) < 0) {
            Py_DECREF(text);
            return -1;
        }
        Py_DECREF(text);
        places[i] = (uint16_t)place;
    }
    for (uint64_t i = 0; b->n_sentences > 1 && i < b->n_messages; i++)
        b->messages[i].what = places[b->messages[i].what];
    return 0;
}

/* The longest message has a field every four bytes ("1=x" SOH), and some are kept for the trailer.
 */
static uint32_t table_size(uint64_t n_data)
{
    uint64_t longest = n_data < RL_FIX_MAX_MESSAGE ? n_data : RL_FIX_MAX_MESSAGE;

    return (uint32_t)(longest / 4) + 64;
}

static int level_of(const char *name, enum rl_fix_level *level)
{
    static const char *const names[] = {
        [RL_FIX_LEVEL_FRAME] = "frame",
        [RL_FIX_LEVEL_CHECKSUM] = "checksum",
        [RL_FIX_LEVEL_HEADER] = "header",
        [RL_FIX_LEVEL_DICTIONARY] = "dictionary",
    };

    for (size_t i = 0; i < RL_COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *level = (enum rl_fix_level)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "level: no '%s'", name);
    return -1;
}

/* The dictionary when the level needs one; -1 with an exception when it is not there. */
static int dictionary_of(struct batch *b, PyObject *op)
{
    if (b->level <= RL_FIX_LEVEL_CHECKSUM)
        return 0;
    if (op == Py_None) {
        PyErr_SetString(PyExc_ValueError, "level: this one needs a dictionary");
        return -1;
    }
    b->dict = dict_of(op);
    return b->dict ? 0 : -1;
}

static PyObject *fix_parse(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"data",        "messages", "fields",     "sentences", "at",
                            "first_field", "level",    "dictionary", NULL};
    struct py_records held[3];
    struct py_records_want wants[3] = {
        FIX_WANT_DATA,
        FIX_WANT_MESSAGES(true),
        FIX_WANT_FIELDS(true),
    };
    struct batch b = {.n_sentences = 1, .sentences = {""}};
    struct rl_fix_field *table;
    PyObject *list, *dictionary, *result = NULL;
    unsigned long long at, first_field;
    const char *level;
    uint32_t n_table;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOOO!KKsO:fix_parse", names, &wants[0].op,
                                     &wants[1].op, &wants[2].op, &PyList_Type, &list, &at,
                                     &first_field, &level, &dictionary) ||
        level_of(level, &b.level) < 0 || dictionary_of(&b, dictionary) < 0 ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    b.data = held[0].view.buf;
    b.n_data = held[0].n;
    b.messages = held[1].view.buf;
    b.n_messages_max = held[1].n;
    b.fields = held[2].view.buf;
    b.n_fields_max = held[2].n;
    b.first_field = first_field;
    b.at = at < b.n_data ? at : b.n_data;
    n_table = table_size(b.n_data - b.at);
    table = malloc(n_table * sizeof(*table));
    if (!table) {
        PyErr_NoMemory();
    } else {
        Py_BEGIN_ALLOW_THREADS
        parse(&b, table, n_table);
        Py_END_ALLOW_THREADS
        if (sentences_merge(&b, list) == 0)
            result = Py_BuildValue("(KKKO)", (unsigned long long)b.n_messages,
                                   (unsigned long long)b.n_fields, (unsigned long long)b.at,
                                   b.is_full ? Py_True : Py_False);
    }
    free(table);
    py_records_release(held, RL_COUNT(held));
    return result;
}

static PyObject *fix_frame(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"data", "at", NULL};
    struct py_records held;
    struct py_records_want want = FIX_WANT_DATA;
    unsigned long long at = 0;
    enum rl_fix_result result;
    uint32_t n_bytes;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "O|K:fix_frame", names, &want.op, &at) ||
        py_records_hold(&held, &want, 1) < 0)
        return NULL;
    at = at < held.n ? at : held.n;
    result = rl_fix_frame((const uint8_t *)held.view.buf + at, held.n - at, &n_bytes);
    py_records_release(&held, 1);
    return Py_BuildValue("(sI)", result_names[result], n_bytes);
}

static PyObject *fix_checksum(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"data", NULL};
    struct py_records held;
    struct py_records_want want = FIX_WANT_DATA;
    uint8_t sum;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "O:fix_checksum", names, &want.op) ||
        py_records_hold(&held, &want, 1) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    sum = rl_fix_sum(held.view.buf, held.n);
    Py_END_ALLOW_THREADS
    py_records_release(&held, 1);
    return PyLong_FromLong(sum);
}

/* --- instruction sets ------------------------------------------------------------------------- */

static PyObject *fix_paths(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);

    (void)module;
    (void)unused;
    for (unsigned i = 0; list && i < RL_FIX_N_PATHS; i++) {
        PyObject *name;

        if (!(rl_fix_paths() & 1u << i))
            continue;
        name = PyUnicode_FromString(rl_fix_path_name((enum rl_fix_path)i));
        if (!name || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *fix_path(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyUnicode_FromString(rl_fix_path_name(rl_fix_path()));
}

static PyObject *fix_use(PyObject *module, PyObject *args)
{
    const char *name;

    (void)module;
    if (!PyArg_ParseTuple(args, "s:fix_use", &name))
        return NULL;
    for (unsigned i = 0; i < RL_FIX_N_PATHS; i++) {
        if (strcmp(rl_fix_path_name((enum rl_fix_path)i), name) == 0 &&
            rl_fix_use((enum rl_fix_path)i) == 0)
            Py_RETURN_NONE;
    }
    return PyErr_Format(PyExc_ValueError, "path: this CPU has no '%s'", name);
}

/* --- the module's part ------------------------------------------------------------------------ */

PyDoc_STRVAR(parse_doc,
             "fix_parse($module, /, data, messages, fields, sentences, at, first_field, "
             "level, dictionary)\n--\n\n"
             "Parse data from byte `at` into rows of messages and fields.\n\n"
             "Returns (n_messages, n_fields, at, is_full): how many were filled, where the next\n"
             "message begins or would begin, and whether an array was too small to go on.\n"
             "New sentences are appended to the list `sentences`, whose first is \"\".");
PyDoc_STRVAR(frame_doc,
             "fix_frame($module, /, data, at=0)\n--\n\n"
             "('ok', bytes of the message), ('partial', 0) or ('garbled', bytes to skip).");
PyDoc_STRVAR(checksum_doc, "fix_checksum($module, /, data)\n--\n\n"
                           "The sum of the bytes modulo 256.");

PyDoc_STRVAR(paths_doc, "fix_paths($module, /)\n--\n\n"
                        "The instruction sets that this CPU can parse with, the plainest first.");
PyDoc_STRVAR(path_doc, "fix_path($module, /)\n--\n\nThe one that is in use.");
PyDoc_STRVAR(use_doc, "fix_use($module, path, /)\n--\n\n"
                      "From now on that one; ValueError when this CPU cannot.");

PyMethodDef fix_functions[] = {
    {"fix_parse", RL_PY_KEYWORDS(fix_parse), parse_doc},
    {"fix_frame", RL_PY_KEYWORDS(fix_frame), frame_doc},
    {"fix_checksum", RL_PY_KEYWORDS(fix_checksum), checksum_doc},
    {"fix_paths", fix_paths, METH_NOARGS, paths_doc},
    {"fix_path", fix_path, METH_NOARGS, path_doc},
    {"fix_use", fix_use, METH_VARARGS, use_doc},
    {NULL, NULL, 0, NULL},
};
