/* The numbers that orders, reasons, causes and audit records have, with their names and texts. */
#include "py/module.h"
#include "trade/audit/record.h"
#include "trade/kill/cause.h"
#include "trade/order/event.h"
#include "trade/order/request.h"
#include "trade/risk/reason.h"
#include "trade/scope.h"

struct row {
    const char *name;
    unsigned number;
    const char *text;
};

#define NAMED(name, number, text) {#name, number, text},
#define BIT(name, bit, text) {#name, 1u << (bit), text},
#define STATE(name, number, terminal, text) {#name, number, text},
#define UNTOLD(name, number, fix) {#name, number, ""},
/* The id of the check goes before what it says: "R05: quantity above the limit". */
#define CHECKED(name, bit, id, text) {#name, 1u << (bit), id ": " text},
#define END {NULL, 0, NULL}

static const struct row scopes[] = {RL_SCOPES(NAMED) END};
static const struct row events[] = {RL_ORDER_EVENTS(NAMED) END};
static const struct row states[] = {RL_ORDER_STATES(STATE) END};
static const struct row flags[] = {RL_ORDER_FLAGS(BIT) END};
static const struct row types[] = {RL_ORDER_TYPES(UNTOLD) END};
static const struct row times[] = {RL_TIMES_IN_FORCE(UNTOLD) END};
static const struct row reasons[] = {RL_RISK_REASONS(CHECKED) END};
static const struct row risk_states[] = {RL_RISK_STATES(NAMED) END};
static const struct row causes[] = {RL_KILL_CAUSES(NAMED) END};
static const struct row audit_kinds[] = {RL_AUDIT_KINDS(NAMED) END};

static const struct {
    const char *name;
    const struct row *rows;
} tables[] = {
    {"scopes", scopes},   {"events", events},
    {"states", states},   {"flags", flags},
    {"types", types},     {"times_in_force", times},
    {"reasons", reasons}, {"risk_states", risk_states},
    {"causes", causes},   {"audit_kinds", audit_kinds},
};

static PyObject *rows_of(const struct row *r)
{
    PyObject *dict = PyDict_New();

    for (; dict && r->name; r++) {
        if (core_put(dict, r->name, Py_BuildValue("(Is)", r->number, r->text)) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *trade_tables(PyObject *module, PyObject *unused)
{
    PyObject *dict = PyDict_New();

    (void)module;
    (void)unused;
    for (size_t i = 0; dict && i < RL_COUNT(tables); i++) {
        if (core_put(dict, tables[i].name, rows_of(tables[i].rows)) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

PyDoc_STRVAR(tables_doc, "trade_tables($module, /)\n--\n\n"
                         "{table: {NAME: (number, text)}} of the enumerations of the order side.");

PyMethodDef trade_table_functions[] = {
    {"trade_tables", trade_tables, METH_NOARGS, tables_doc},
    {NULL, NULL, 0, NULL},
};
