/*
 * dict - what a FIX version allows, as constant tables, and messages held against it.
 *
 * A dictionary is built once from plain arrays (a reader of QuickFIX-format XML makes them, see
 * engine/market/dictionary.py) and only read afterwards. Its rules are QuickFIX's, and so is which
 * of several errors of one message is reported, so that a counterparty written against QuickFIX
 * sees what it expects; where the two differ is said in dict_careful.c.
 *
 * Threads:  building is one thread's; a built dictionary is constant, any number may validate.
 * Memory:   all tables are in the caller's arena. The spec may go away after the build. The handle
 *           itself is small and may be copied: copies share the tables and may expect other names.
 * Cost:     one pass over the fields. A field takes one look into a collision-free table of its
 *           message type (or group), which says everything: 16 bytes, a load of its value, no
 *           search. A message with anything unusual is walked again, carefully; see dict_check.c.
 */
#ifndef RL_MARKET_FIX_DICT_H
#define RL_MARKET_FIX_DICT_H

#include "base/mem.h"
#include "market/fix/parse.h"

#define RL_FIX_USER_TAG 5000   /* QuickFIX: tags from here on are the users' */
#define RL_FIX_DICT_DEPTH 16   /* groups inside groups */
#define RL_FIX_DICT_WIDTH 1024 /* fields of one message or one group */
#define RL_FIX_DICT_FIELDS 30000
#define RL_FIX_DICT_NAME 64 /* the longest comp id that can be expected */
#define RL_FIX_NO_GROUP UINT32_MAX
#define RL_FIX_APPL_VERSION 18 /* SessionRejectReason: application version not supported */

/* --- the spec --------------------------------------------------------------------------------- */

/*
 * What a value must look like. In the order: name in the XML, how it is checked. Several XML names
 * share a check. An empty value never comes this far.
 */
enum rl_fix_type {
    RL_FIX_T_ANY,          /* STRING, DATA, CURRENCY, EXCHANGE ...: any bytes */
    RL_FIX_T_CHAR,         /* one byte */
    RL_FIX_T_BOOLEAN,      /* Y or N */
    RL_FIX_T_INT,          /* INT, LENGTH, NUMINGROUP, TAGNUM: an optional '-', 1 to 18 digits */
    RL_FIX_T_UINT,         /* SEQNUM: 1 to 19 digits */
    RL_FIX_T_FLOAT,        /* FLOAT, PRICE, QTY, AMT ...: an optional '-', digits, one point */
    RL_FIX_T_TIMESTAMP,    /* UTCTIMESTAMP: YYYYMMDD-HH:MM:SS, or that and . and 1 to 9 digits */
    RL_FIX_T_TIME,         /* UTCTIMEONLY: HH:MM:SS, the same decimals */
    RL_FIX_T_DATE,         /* UTCDATEONLY: YYYYMMDD */
    RL_FIX_T_LOCAL_DATE,   /* LOCALMKTDATE: the same; from here on QuickFIX takes any string */
    RL_FIX_T_MONTH,        /* MONTHYEAR: YYYYMM, YYYYMMDD or YYYYMMw1 .. w5 */
    RL_FIX_T_DAY,          /* DAYOFMONTH: 1 to 31 */
    RL_FIX_T_TZ_TIME,      /* TZTIMEONLY: HH:MM[:SS[.d]] and Z or +hh[:mm] or -hh[:mm] */
    RL_FIX_T_TZ_TIMESTAMP, /* TZTIMESTAMP: YYYYMMDD- and the above */
    RL_FIX_T_LOCAL_TIME,   /* LOCALMKTTIME: HH:MM:SS[.d] */
    RL_FIX_N_TYPES,
};

/* The field is one whose value is a list of values with a space between: MULTIPLE...VALUE. */
#define RL_FIX_FIELD_MULTIPLE 1u
/* The field is raw data, whose length the field before it states: DATA, XMLDATA. */
#define RL_FIX_FIELD_DATA 2u
/* Of an application over a transport: the transport's own messages do not know the tag. */
#define RL_FIX_FIELD_APPL 4u

struct rl_fix_spec_field {
    uint32_t tag;
    uint32_t type;                  /* enum rl_fix_type */
    uint32_t flags;                 /* RL_FIX_FIELD_* */
    uint32_t first_value, n_values; /* among the values of the spec; none: any value of the type */
};

struct rl_fix_spec_member {
    uint32_t field; /* index of the field */
    uint32_t group; /* index of the group that it counts, or RL_FIX_NO_GROUP */
    uint32_t is_required;
};

/* A run of members. Of a group: the first one begins each entry, the others follow in this order.
 */
struct rl_fix_spec_run {
    uint32_t first, n;
};

struct rl_fix_spec_message {
    uint32_t is_admin; /* what a session sends: never of an application version */
    uint32_t first, n; /* members of the body */
};

/* See rl_fix_dict_spec.flags. Without any it is QuickFIX's defaults and the strict checks. */
#define RL_FIX_ANY_USER_TAG                                                                   \
    1u                      /* ValidateUserDefinedFields=N: unknown tags from 5000 are let by \
                             */
#define RL_FIX_ANY_TAG 2u   /* AllowUnknownMsgFields=Y: unknown tags below 5000 are let by */
#define RL_FIX_ANY_ORDER 4u /* ValidateFieldsOutOfOrder=N: header, body, trailer may mix */
#define RL_FIX_ANY_VALUE 8u /* the enumerations are not looked at */
/* What QuickFIX does not check: the order inside a group, and the types from LOCAL_DATE on. */
#define RL_FIX_ANY_GROUP_ORDER 16u
#define RL_FIX_ANY_STRING 32u
/* A tag that no dictionary knows is 3 (undefined tag), as FIX says; QuickFIX says 0 (invalid). */
#define RL_FIX_SAY_UNDEFINED 64u

/*
 * Components are resolved by whoever makes this: a message lists what its body may hold, a group
 * what an entry may hold. A group may be used by many messages. Two fields may have the same tag
 * (a transport's and an application's idea of it), two members of one message or group may not:
 * but a tag of the header or trailer takes precedence over one of the body.
 */
struct rl_fix_dict_spec {
    const char *begin_string;         /* 7 or 8 characters: "FIX.4.4", "FIXT.1.1" */
    char appl_ver_id;                 /* ApplVerID (1128) of the application part; 0: none */
    uint32_t flags;                   /* RL_FIX_ANY_* ... */
    const char *const *values;        /* what the fields enumerate */
    const char *const *message_types; /* one for each message */
    const struct rl_fix_spec_field *fields;
    const struct rl_fix_spec_member *members;
    const struct rl_fix_spec_run *groups;
    const struct rl_fix_spec_message *messages;
    struct rl_fix_spec_run header, trailer;
    uint32_t n_values, n_fields, n_members, n_groups, n_messages;
};

/* --- the tables ------------------------------------------------------------------------------- */

/* What a scope (a message type, a group) knows about a tag. */
struct rl_fix_member {
    uint32_t tag;    /* 0: nothing here */
    uint32_t values; /* its enumeration: an index into masks or sets */
    uint16_t at;     /* its bit in a message, its place in a group */
    uint16_t group;  /* 1 + index of the group that it counts; 0: it counts none */
    uint8_t how;     /* the quick check: enum rl_fix_how of dict_inner.h */
    uint8_t part;    /* enum rl_fix_part of dict_inner.h */
    uint8_t is_required;
    uint8_t careful; /* for the careful checks: see rl_fix_type_of and others of dict_inner.h */
};
_Static_assert(sizeof(struct rl_fix_member) == 16, "four to a cache line");

/*
 * A tag's slot: direct[tag - lowest] for most, else by hash and displace, without collisions:
 * slots[(high bits ^ shift of its row) & mask] of one product.
 */
struct rl_fix_scope {
    const struct rl_fix_member *slots;
    const uint16_t *direct;
    uint32_t lowest, n_direct;
    const uint16_t *shifts;
    uint64_t multiplier;
    uint32_t slot_mask, row_mask;
    uint32_t n, n_required;
    const uint64_t *required; /* bits by member.at */
    const uint32_t *tags;     /* by member.at */
    uint16_t n_words;         /* of bits */
    bool is_admin;
};

struct rl_fix_mask {
    uint64_t bits[2];
};

struct rl_fix_set;

struct rl_fix_dict {
    uint64_t begin_string; /* its characters, the first in the lowest byte */
    uint32_t n_begin_string;
    uint32_t flags;
    const uint16_t *kind_of;          /* by two characters of 7 bits: index of the kind */
    const struct rl_fix_scope *kinds; /* message types; [0]: none, only header and trailer */
    const struct rl_fix_scope *groups;
    const struct rl_fix_mask *masks; /* enumerations of single characters */
    const struct rl_fix_set *sets;   /* other enumerations */
    const char *const *long_types;   /* message types of three characters and more */
    const uint16_t *long_kinds;
    uint32_t n_long_types;
    uint32_t n_header_required;
    struct rl_fix_scope fields;         /* every tag, whatever message it is for */
    const struct rl_fix_dict *apps[10]; /* by ApplVerID '0' to '9'; NULL: this one or none */
    char appl_ver_id;                   /* the one that holds when a message names none; or 0 */
    bool expects_names;                 /* see rl_fix_dict_expect */
    uint8_t n_sender, n_target;
    char sender[RL_FIX_DICT_NAME], target[RL_FIX_DICT_NAME];
    uint32_t n_fields, n_messages, n_groups; /* for who wants to know */
    size_t n_table_bytes;
    const char *what; /* after -EINVAL: a sentence, constant */
};

/* Enough arena for the tables of that spec, whatever they turn out to be. 0: the spec is no good.
 */
size_t rl_fix_dict_bytes(const struct rl_fix_dict_spec *spec);

/*
 * Builds the tables. -EINVAL, and d->what says what is wrong with the spec: an index that is out of
 * range, a group inside itself, a tag twice ...; -ENOMEM when the arena (or the heap, used while
 * building only) is too small. Nothing can be done with a dictionary that was not built.
 */
int rl_fix_dict_build(struct rl_fix_dict *d, struct rl_arena *arena,
                      const struct rl_fix_dict_spec *spec);

/*
 * Another application version of the same transport: a message whose ApplVerID names it is
 * validated against `app`, which must live as long as `d`. -EINVAL when either has no ApplVerID or
 * the transport differs.
 */
int rl_fix_dict_add(struct rl_fix_dict *d, const struct rl_fix_dict *app);

/*
 * From now on messages must carry these names: SenderCompID (49) and TargetCompID (56) of what is
 * received. NULL for both: any names. -EINVAL when one is empty or longer than RL_FIX_DICT_NAME.
 */
int rl_fix_dict_expect(struct rl_fix_dict *d, const char *sender, const char *target);

/* --- validation ------------------------------------------------------------------------------- */

enum rl_fix_level {
    RL_FIX_LEVEL_FRAME, /* this and the next are what rl_fix_parse did: always OK */
    RL_FIX_LEVEL_CHECKSUM,
    RL_FIX_LEVEL_HEADER,     /* BeginString, header fields, MsgSeqNum not 0, names */
    RL_FIX_LEVEL_DICTIONARY, /* everything */
};

/*
 * A message that rl_fix_parse called OK. OK again, or REJECT with m->reason, ref_tag, ref_off and
 * what. ref_tag is 0 where QuickFIX names no tag: for reasons 9, 10 and 11. A BeginString of
 * another version is RL_FIX_OTHER: a session does not reject that but logs out.
 */
enum rl_fix_result rl_fix_validate(const struct rl_fix_dict *d, struct rl_fix_msg *m,
                                   enum rl_fix_level level);

/*
 * What a session has seen pass: messages of one counterparty have few shapes (sequences of tags and
 * counts), and one that has the shape of an earlier one is right if its values are. Two thirds of
 * the price of rl_fix_validate then, and a little more than that when the shape is new.
 *
 * Threads:  one at a time; as many of these as there are sessions or feeds.
 * Memory:   the caller's, zeroed, about 34 KB. The dictionaries that were used with it must outlive
 *           it, or be forgotten by zeroing it again.
 */
#define RL_FIX_SHAPES 32       /* a power of two */
#define RL_FIX_SHAPE_FIELDS 64 /* longer messages are validated as ever */

struct rl_fix_shape {
    const struct rl_fix_scope *kinds; /* of the dictionary that it is of; NULL: no shape yet */
    uint32_t type;
    uint32_t n_fields;
    struct rl_fix_member fields[RL_FIX_SHAPE_FIELDS]; /* from the fourth on */
};

struct rl_fix_shapes {
    struct rl_fix_shape shapes[RL_FIX_SHAPES];
    uint64_t n_known, n_new; /* how many messages had a known shape, and how many made one known */
};

/* The same answers as rl_fix_validate(d, m, RL_FIX_LEVEL_DICTIONARY). */
enum rl_fix_result rl_fix_validate_known(const struct rl_fix_dict *d, struct rl_fix_shapes *shapes,
                                         struct rl_fix_msg *m);

/* The walk that decides what the quick one of rl_fix_validate does not; for tests that compare. */
enum rl_fix_result rl_fix_validate_carefully(const struct rl_fix_dict *d, struct rl_fix_msg *m,
                                             enum rl_fix_level level);

/*
 * SendingTime within `limit_ns` of `now_ns` (both since 1970); validation itself has no clock. OK,
 * or REJECT with RL_FIX_SENDING_TIME, also when there is no such field.
 */
enum rl_fix_result rl_fix_check_sending_time(struct rl_fix_msg *m, uint64_t now_ns,
                                             uint64_t limit_ns);

/* What Text (58) of a session-level Reject says for a reason; "" for one that FIX does not have. */
const char *rl_fix_reason_text(uint32_t reason);

#endif
