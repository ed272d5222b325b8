/* Audit logs as they lie on the disk: proving one, replaying one, and what its numbers mean. */
#include "trade/audit/read.h"
#include "trade/oms/replay.h"

#include "py/module.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static PyObject *hash_bytes(const uint8_t hash[RL_SHA256_BYTES])
{
    return PyBytes_FromStringAndSize((const char *)hash, RL_SHA256_BYTES);
}

static PyObject *verdict_dict(const struct rl_audit_verdict *v)
{
    static const char *const names[] = {"fault",     "segment",    "offset",      "record",
                                        "n_records", "n_blocks",   "n_segments",  "n_recovered",
                                        "n_gaps",    "n_backward", "head_number", NULL};
    const uint64_t values[] = {v->fault,     v->segment,    v->offset,     v->record,
                               v->n_records, v->n_blocks,   v->n_segments, v->n_recovered,
                               v->n_gaps,    v->n_backward, v->head.number};
    PyObject *dict = core_counters(names, values, RL_COUNT(values));

    if (dict && (core_put(dict, "text", PyUnicode_FromString(v->text ? v->text : "")) < 0 ||
                 core_put(dict, "head_hash", hash_bytes(v->head.hash)) < 0))
        Py_CLEAR(dict);
    return dict;
}

/* A directory that could not be read, with the segment that was at fault. */
static PyObject *raise_unread(PyObject *module, int err, uint32_t segment)
{
    char what[128];

    if (err == -ENOENT && segment == 0)
        return core_raise(module, err, "no segment of an audit log is there");
    if (segment == 0)
        return core_raise(module, err, NULL);
    snprintf(what, sizeof(what), RL_AUDIT_NAME ": %s", segment,
             err == -EBADMSG ? "not a file" : strerror(-err));
    return core_raise(module, err, what);
}

static PyObject *audit_scan(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"directory", "first_segment", NULL};
    struct rl_audit_scan s = {0};
    uint32_t segment;
    PyObject *dir;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "O&|I:audit_scan", names, PyUnicode_FSConverter,
                                     &dir, &s.first_segment))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = rl_audit_scan_dir(&s, PyBytes_AsString(dir), &segment);
    Py_END_ALLOW_THREADS
    Py_DECREF(dir);
    return err ? raise_unread(module, err, segment) : verdict_dict(&s.verdict);
}

/* ---- Replay ------------------------------------------------------------------------------------
 */

struct replaying {
    struct rl_replay replay;
    const char *why; /* NULL: nothing contradicted */
    uint64_t record; /* the one that did */
    int err;
};

/* The log's writer may have put notes of its own before the engine's start. */
static bool is_note(const struct rl_audit_record *record)
{
    return record->kind == RL_AUDIT_STALL || record->kind == RL_AUDIT_LOG_FAILED;
}

static bool replay_record(void *user, const struct rl_audit_record *record)
{
    struct replaying *r = user;

    if (is_note(record))
        return true;
    r->err = rl_replay_record(&r->replay, record, &r->why);
    r->record = record->number;
    return r->err == 0;
}

static PyObject *replay_dict(const struct replaying *r, const struct rl_audit_verdict *v)
{
    const struct rl_oms *oms = r->replay.oms;
    PyObject *dict = PyDict_New();

    if (!dict || core_put(dict, "verdict", verdict_dict(v)) < 0 ||
        core_put(dict, "n_records", PyLong_FromUnsignedLongLong(r->replay.n_records)) < 0 ||
        core_put(dict, "n_starts", PyLong_FromUnsignedLongLong(r->replay.n_starts)) < 0 ||
        core_put(dict, "n_stops", PyLong_FromUnsignedLongLong(r->replay.n_stops)) < 0 ||
        core_put(dict, "hash",
                 oms ? PyLong_FromUnsignedLongLong(rl_oms_hash(oms)) : Py_NewRef(Py_None)) < 0 ||
        core_put(dict, "contradiction",
                 r->err ? Py_BuildValue("(Ks)", (unsigned long long)r->record,
                                        r->why ? r->why : strerror(-r->err))
                        : Py_NewRef(Py_None)) < 0)
        Py_CLEAR(dict);
    return dict;
}

static PyObject *audit_replay(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"directory", "first_segment", "n_fifo_lots", NULL};
    struct replaying r = {.err = 0};
    struct rl_audit_scan s = {.on_record = replay_record, .user = &r};
    unsigned int n_fifo_lots = 1024;
    uint32_t segment;
    PyObject *dir, *dict;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "O&|II:audit_replay", names, PyUnicode_FSConverter,
                                     &dir, &s.first_segment, &n_fifo_lots))
        return NULL;
    rl_replay_init(&r.replay, n_fifo_lots);
    Py_BEGIN_ALLOW_THREADS
    err = rl_audit_scan_dir(&s, PyBytes_AsString(dir), &segment);
    Py_END_ALLOW_THREADS
    Py_DECREF(dir);
    dict = err ? raise_unread(module, err, segment) : replay_dict(&r, &s.verdict);
    rl_replay_fini(&r.replay);
    return dict;
}

/* ---- Names -------------------------------------------------------------------------------------
 */

static PyObject *audit_names(PyObject *module, PyObject *args)
{
    PyObject *kinds = PyDict_New(), *faults = PyDict_New();
    char schema[2048];

    (void)module, (void)args;
    rl_audit_schema(schema, sizeof(schema));
    for (uint32_t kind = 0; kinds && kind < RL_AUDIT_SEAL; kind++) {
        const char *name = rl_audit_kind_name(kind);

        if (name &&
            core_put(kinds, name, Py_BuildValue("(Is)", kind, rl_audit_kind_text(kind))) < 0)
            Py_CLEAR(kinds);
    }
#define PUT(name, number, text)                                                     \
    if (faults && core_put(faults, #name, Py_BuildValue("(is)", number, text)) < 0) \
        Py_CLEAR(faults);
    RL_AUDIT_FAULTS(PUT)
#undef PUT
    if (!kinds || !faults) {
        Py_XDECREF(kinds);
        Py_XDECREF(faults);
        return NULL;
    }
    return Py_BuildValue("(NNs)", kinds, faults, schema);
}

PyDoc_STRVAR(audit_scan_doc,
             "audit_scan($module, /, directory, first_segment=0)\n--\n\n"
             "Prove an audit log: fault, place, counts, head; see trade/audit/read.h.");
PyDoc_STRVAR(audit_replay_doc,
             "audit_replay($module, /, directory, first_segment=0, n_fifo_lots=1024)\n--\n\n"
             "Feed an audit log to a fresh order manager; see trade/oms/replay.h.");
PyDoc_STRVAR(audit_names_doc, "audit_names($module, /)\n--\n\n"
                              "({kind: (number, text)}, {fault: (number, text)}, schema text).");

PyMethodDef audit_functions[] = {
    {"audit_scan", RL_PY_KEYWORDS(audit_scan), audit_scan_doc},
    {"audit_replay", RL_PY_KEYWORDS(audit_replay), audit_replay_doc},
    {"audit_names", audit_names, METH_NOARGS, audit_names_doc},
    {NULL, NULL, 0, NULL},
};
