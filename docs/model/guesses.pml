/*
 * The guesses left of one account in a key vault: servers that share a store, clients that guess, the
 * owner who registers again, and somebody who puts an older copy of the store back. See README.md.
 *
 *   -DSERVERS=n, -DTRIES=n, -DLIMIT=n   servers, log-ins that strangers try on each, guesses
 *   -DREGISTRATIONS=n                   how often the owner registers again
 *   -DROLLBACK                          an older copy of the store is put back, once
 *   -DFLOOR                             a server refuses a store older than what it has seen,
 *   -DDURABLE                           also after it was killed,
 *   -DPOLL                              and has seen what the others did before the copy is put back
 *
 * What must not be done:
 *
 *   -DREAD_THEN_WRITE        the count is written, whatever it is by then
 *   -DEVALUATE_FIRST         the guess is answered before it is taken
 *   -DRESTORE_AGAIN          after an unclear answer a success restores the count once more
 *   -DRESET_BY_REGISTERING   a new record has a new count
 *   -DONE_PHASE              a new record takes the old one's place at once
 */

#ifndef SERVERS
#define SERVERS 2
#endif
#ifndef TRIES
#define TRIES 3
#endif
#ifndef LIMIT
#define LIMIT 2
#endif
#ifndef REGISTRATIONS
#define REGISTRATIONS 0
#endif

#define NONE 0
#define RECORDS (REGISTRATIONS + 2)     /* 0 is none, 1 is there in the beginning */

/* What a swap answers. UNCLEAR: it was done, or was not. */
#define DONE 1
#define CONFLICT 2
#define UNCLEAR 3

typedef Account {
    byte left;
    bool destroyed;
    byte current;       /* the record that log-ins use */
    byte pending;       /* the one that was registered and not yet committed */
    byte spent;         /* guesses since it is there */
    byte version        /* of the store: each swap counts it up */
};

Account store;
byte floor[SERVERS];    /* the newest version that a server has seen */
bool slot[RECORDS];     /* the slots in the cloud folder, by the record that they name */

/* What happened, seen from outside. */
byte evaluated[RECORDS]; /* guesses answered, by record */
byte successes;         /* right ones of which a server learned */
byte commits;           /* how often the owner put a new record in the place of the old one */
byte raised;            /* how often the count went up */
bool older;             /* an older copy was put back */

/* Server `s` reads; `refused` is whether it will not use what it got. */
inline read(s, got, refused) {
    d_step {
        got.left = store.left;
        got.destroyed = store.destroyed;
        got.current = store.current;
        got.pending = store.pending;
        got.spent = store.spent;
        got.version = store.version;
        refused = false;
#ifdef FLOOR
        refused = got.version < floor[s];
#endif
        if :: !refused -> floor[s] = got.version :: else fi
    }
}

/* Server `s` replaces what `was` read by what it became. */
inline swap(s, was, answer) {
    atomic {
        if
#ifndef READ_THEN_WRITE
        :: store.version != was.version -> answer = CONFLICT
        :: store.version == was.version ->
#else
        :: true ->
#endif
            d_step {
                if
                :: was.left > store.left ->
                    raised++;
                    /* Each success, or record that is erased, may raise it once. */
                    assert(older || raised <= successes + commits)
                :: else
                fi;
                store.left = was.left;
                store.destroyed = was.destroyed;
                store.current = was.current;
                store.pending = was.pending;
                store.spent = was.spent;
                store.version++
            }
            if
#ifdef FLOOR
            /* It was done to an older copy: nothing may come of it. */
            :: store.version <= floor[s] -> answer = UNCLEAR
            :: store.version > floor[s] -> answer = DONE; floor[s] = store.version
#else
            :: answer = DONE
#endif
            :: answer = UNCLEAR
            fi
        :: answer = UNCLEAR     /* and it was not done */
        fi
    }
}

inline evaluate() {
    evaluated[record]++;
    assert(evaluated[record] <= LIMIT * (1 + successes))
}

/* The pending record takes the other one's place, with the guesses that it can have left. */
inline activate(account) {
    account.current = account.pending;
    account.pending = NONE;
    account.left = LIMIT - account.spent;
    account.spent = 0
}

/* A server that is killed at this point, or a client that breaks off. */
inline may_break_off(s) {
    if
    :: skip
    :: atomic {
#ifndef DURABLE
        floor[s] = 0;
#endif
        goto over
    }
    fi
}

/* Log-ins on server `s` with a wrong password, or one with the right one. */
proctype log_ins(byte s; byte tries; bool right) {
    Account was, before;
    byte answer, record, taken;
    bool refused;
again:
    if
    :: tries == 0 -> goto ended
    :: tries > 0 -> tries--
    fi;
    /* The slot in the cloud folder says which record. */
    atomic {
        if
        :: slot[1] -> record = 1
#if REGISTRATIONS > 0
        :: slot[2] -> record = 2
#endif
#if REGISTRATIONS > 1
        :: slot[3] -> record = 3
#endif
        :: else -> goto ended
        fi
    }
take:
    read(s, was, refused);
    if
    :: refused || was.destroyed || (record != was.current && record != was.pending) -> goto over
    :: else
    fi;
#ifdef EVALUATE_FIRST
    evaluate();
    may_break_off(s);
#endif
    d_step {
        before.current = was.current;
        before.pending = was.pending;
        taken = was.version + 1;
        was.left--;
        if :: was.pending != NONE -> was.spent++ :: else fi;
        if
        :: was.left == 0 ->
            /* The last guess erases what it guesses at. */
            was.destroyed = true; was.current = NONE; was.pending = NONE; was.spent = 0
        :: else
        fi
    }
    swap(s, was, answer);
    if
    :: answer == CONFLICT -> goto take
    :: answer == UNCLEAR -> goto over
    :: else
    fi;
    may_break_off(s);
#ifndef EVALUATE_FIRST
    evaluate();
#endif
    may_break_off(s);
    if
    :: right -> successes++
    :: else -> goto over
    fi;
restore:
    read(s, was, refused);
    if
    :: refused -> goto over
    :: !refused && was.destroyed ->
        /* It was the last guess, and nothing has happened since; else it stays destroyed. */
        if :: was.version != taken -> goto over :: else fi;
        was.destroyed = false; was.current = before.current; was.pending = before.pending
    :: else
    fi;
    if
    :: was.pending == record -> activate(was)
    :: was.pending != record && was.current != record -> goto over
    :: else
    fi;
    was.left = LIMIT;
    was.spent = 0;
    swap(s, was, answer);
    if
    :: answer == CONFLICT -> goto restore
#ifdef RESTORE_AGAIN
    :: answer == UNCLEAR -> goto restore
#endif
    :: else -> goto over
    fi;
over:
    skip;
    d_step {
        was.left = 0; was.destroyed = false; was.current = NONE; was.pending = NONE; was.spent = 0;
        was.version = 0; before.current = NONE; before.pending = NONE; taken = 0; answer = 0; record = NONE; refused = false
    }
    goto again;
ended:
    skip
}

/* The owner registers again, by server 0, and puts a new slot into the cloud folder. */
proctype owner() {
    Account was;
    byte answer, record = 1, other;
    bool refused;
again:
    if
    :: record == RECORDS - 1 -> goto ended
    :: else -> record++
    fi;
register:
    read(0, was, refused);
    if
    :: refused || was.destroyed -> goto ended
    :: !refused && !was.destroyed && was.pending == record -> goto registered
    :: else
    fi;
#ifdef ONE_PHASE
    was.current = record;
#else
    was.pending = record;
    was.spent = 0;
#endif
#ifdef RESET_BY_REGISTERING
    was.left = LIMIT;
#endif
    swap(0, was, answer);
    if
    :: answer != DONE -> goto register
    :: else
    fi;
registered:
    may_break_off(0);
    slot[record] = true;
    may_break_off(0);
commit:
    read(0, was, refused);
    if
    :: refused || was.destroyed || (was.current != record && was.pending != record) -> goto over
    :: !refused && !was.destroyed && was.current == record -> goto committed
    :: else
    fi;
    activate(was);
    commits = record - 1;
    swap(0, was, answer);
    goto commit;
committed:
    for (other : 1 .. RECORDS - 1) {
        if :: other != record -> slot[other] = false :: else fi
    }
over:
    goto again;
ended:
    skip
}

/* Whoever has the store's disks puts an older copy back. */
proctype put_back() {
    Account copy;
    byte s;
    d_step {
        copy.left = store.left;
        copy.destroyed = store.destroyed;
        copy.current = store.current;
        copy.pending = store.pending;
        copy.spent = store.spent;
        copy.version = store.version
    }
    d_step {
#ifdef POLL
        for (s : 0 .. SERVERS - 1) {
            if :: floor[s] < store.version -> floor[s] = store.version :: else fi
        }
#endif
        store.left = copy.left;
        store.destroyed = copy.destroyed;
        store.current = copy.current;
        store.pending = copy.pending;
        store.spent = copy.spent;
        store.version = copy.version;
        older = true
    }
}

/* Unless it is destroyed, a slot in the cloud folder names a record that is there. */
#define SOME_SLOT_WORKS (store.destroyed || older || \
    (slot[store.current] && store.current != NONE) || (slot[store.pending] && store.pending != NONE))

proctype watch() {
end:
    atomic { !SOME_SLOT_WORKS -> assert(false) }
}

init {
    byte s;
    atomic {
        store.left = LIMIT;
        store.current = 1;
        slot[1] = true;
        run watch();
        for (s : 0 .. SERVERS - 1) { run log_ins(s, TRIES, false) }
        run log_ins(0, 1, true);
#if REGISTRATIONS > 0
        run owner();
#endif
#ifdef ROLLBACK
        run put_back();
#endif
    }
}
