/* A log fed to a fresh order manager. */
#include "trade/oms/replay.h"

#include "py/py_records.h"

#include <errno.h>
#include <string.h>

static PyObject *oms_replay(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"records", "n_fifo_lots", NULL};
    struct py_records held[1];
    struct py_records_want wants[1] = {{NULL, "records", sizeof(struct rl_audit_record), 1, false}};
    unsigned int n_fifo_lots = 1;
    struct rl_audit_record record;
    struct rl_replay replay;
    const char *why = NULL;
    PyObject *result;
    int err = 0;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "O|I:oms_replay", names, &wants[0].op,
                                     &n_fifo_lots) ||
        py_records_hold(held, wants, 1) < 0)
        return NULL;
    rl_replay_init(&replay, n_fifo_lots);
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; i < held[0].n && !err; i++) {
        /* Through an aligned copy: bytes from Python may lie anywhere. */
        memcpy(&record, (const char *)held[0].view.buf + i * sizeof(record), sizeof(record));
        err = rl_replay_record(&replay, &record, &why);
    }
    Py_END_ALLOW_THREADS
    if (err == -ENOMEM)
        result = PyErr_NoMemory();
    else
        result = Py_BuildValue("(KKKKs)", replay.oms ? rl_oms_hash(replay.oms) : 0,
                               replay.n_records, replay.n_starts, replay.n_stops, why);
    rl_replay_fini(&replay);
    py_records_release(held, 1);
    return result;
}

PyDoc_STRVAR(replay_doc, "oms_replay($module, /, records, n_fifo_lots=1)\n--\n\n"
                         "(hash of the state, records taken, starts, stops, what is wrong with the "
                         "last one\nor None) of a log that is fed to a fresh order manager.");

PyMethodDef oms_functions[] = {
    {"oms_replay", RL_PY_KEYWORDS(oms_replay), replay_doc},
    {NULL, NULL, 0, NULL},
};
