/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of the pool share: pool.c (queue and threads), keeper.c and growth.c (when to make
 * threads), waiter.c (the role: epoll), deadlines.c, parked.c (places of parked objects and the
 * protocol of parking). Others include pool.h.
 *
 * Locks: P2pPool.lock (class POOL) guards the queue, the workers' lists and the role;
 * P2pPool.deadlines.lock (class TIMERS) the heap of deadlines. Nothing is called while either is
 * held. */
#pragma once

#include "lib/lock.h"
#include "lib/pool.h"
#include "lib/stream-priv.h"

#include <stdatomic.h>

/* What is taken out of epoll at once. Measured: 32 to 128 do not differ, below 16 it is slower. It
 * also bounds what a batch can add to the queue, so a long wait in the queue means blocked workers,
 * not many ready connections. */
#define P2P_POOL_BATCH 32
/* Workers signalled at once. */
#define P2P_POOL_MAX_WAKES 64

typedef struct P2pWorker P2pWorker;
typedef struct P2pSlot P2pSlot;

typedef struct
{
  P2pLaterFunc func;
  void *data;
} P2pLater;

#define P2P_LATER_MAX 4

/* Never freed while its pool lives, so that signalling one that ends at this moment is harmless. */
struct P2pWorker
{
  P2pPool *pool;    /* (borrowed) */
  pthread_t thread; /* the keeper's alone, which starts and joins */
  pthread_cond_t cond;
  P2pWorker *prev;             /* (borrowed) (nullable) (lock: pool) idle list */
  P2pWorker *next;             /* (borrowed) (nullable) (lock: pool) idle, ended or unused list */
  P2pWorker *all;              /* (owned) (nullable) (lock: pool) list of all */
  bool idle;                   /* (lock: pool) in the idle list; who takes it out signals cond */
  void (*run) (P2pTask *task); /* (lock: pool) (nullable) what it runs now, for the watchdog */
  int64_t since_us;            /* (lock: pool) when it took that */
  /* Its own thread's: */
  bool more;                     /* when it took its task others waited behind it */
  P2pLater later[P2P_LATER_MAX]; /* see later.c */
  unsigned n_later;
  int64_t later_by_us; /* then they are called */
};

/* Workers to signal once the lock is released. */
typedef struct
{
  P2pWorker *workers[P2P_POOL_MAX_WAKES]; /* (borrowed) */
  unsigned n;
  bool kick;   /* the holder of the role, out of epoll_wait */
  bool keeper; /* the keeper, out of its sleep */
} P2pWakes;

static inline void
p2p_wakes_init (P2pWakes *wakes)
{
  wakes->n = 0; /* the array itself is large and stays as it is */
  wakes->kick = wakes->keeper = false;
}

typedef struct
{
  P2pTask *head, *tail; /* (borrowed) (nullable) */
  unsigned n;
} P2pTaskList;

struct P2pPool
{
  P2pPoolOptions options; /* constant, as are the next four; name: (static) */
  int epoll_fd, kick_fd;
  unsigned wakes_max;   /* idle workers under way to work that was not waited for yet */
  unsigned helpers_max; /* idle workers woken beside the one that brings a batch out of epoll */
  pthread_t keeper;   /* valid if has_keeper */
  bool has_keeper;

  P2pMutex lock;
  P2pTaskList queue;     /* (lock: pool) */
  P2pWorker *idle;       /* (borrowed) (nullable) (lock: pool) the last one that went idle first */
  P2pWorker *ended;      /* (borrowed) (nullable) (lock: pool) to be joined by the keeper */
  P2pWorker *unused;     /* (borrowed) (nullable) (lock: pool) */
  P2pWorker *all;        /* (owned) (nullable) (lock: pool) */
  unsigned n_threads;    /* (lock: pool) started or about to be */
  unsigned n_idle;       /* (lock: pool) */
  unsigned n_waking;     /* (lock: pool) off the idle list or being made, not at work yet */
  unsigned n_running;    /* (lock: pool) in a task */
  unsigned n_asleep;     /* (lock: pool) of those: between p2p_pool_sleep_begin () and _end () */
  unsigned n_since_poll; /* (lock: pool) tasks taken since somebody looked into epoll */
  uint64_t n_taken;      /* (lock: pool) */
  uint64_t n_done;       /* (lock: pool) */
  int64_t taken_us;      /* (lock: pool) when the last task was taken */
  bool role_held;        /* (lock: pool) somebody is in epoll_wait, or about to be */
  bool kicked;           /* (lock: pool) the holder has been told to come out */
  int64_t role_free_us;  /* (lock: pool) since when nobody has held it */
  bool quitting;         /* (lock: pool) threads end when the queue is empty */
  bool no_more_threads;  /* (lock: pool) the kernel refused the last one */
  bool keeper_asleep;    /* (lock: pool) */
  pthread_cond_t keeper_cond;
  pthread_cond_t drained; /* stopping, and nothing queued or running */

  struct
  {
    unsigned harmless;       /* constant: the limit is never lower */
    unsigned limit;          /* (lock: pool) threads for now */
    unsigned before;         /* (lock: pool) the limit before the trial that runs; 0: none */
    uint64_t rate_before;    /* (lock: pool) tasks/s then; 0: not known */
    unsigned n_windows;      /* (lock: pool) of the trial, in which its threads were not needed */
    unsigned window_threads; /* (lock: pool) n_threads when the window began */
    uint64_t window_done, blocked_done;           /* (lock: pool) n_done when the window began */
    int64_t window_us, window_end_us, blocked_us; /* (lock: pool) */
    int64_t reviewed_us, hold_until_us, hold_us;  /* (lock: pool) */
  } growth;

  _Atomic bool stopping;
  _Atomic unsigned n_parked;

  struct
  {
    P2pMutex lock;
    P2pSlot **heap;             /* (owned) (lock: deadlines) earliest first; room for every slot */
    unsigned n, size;           /* (lock: deadlines) */
    _Atomic int64_t next_us;    /* the earliest; P2P_FOREVER: none; written with the lock held */
    _Atomic int64_t waiting_us; /* until when the holder of the role waits; 0: it does not */
  } deadlines;

  struct
  {
    /* (owned) entries written with the pool's lock held, never freed before the pool */
    _Atomic (P2pSlot *) *chunks;
    unsigned n_chunks; /* (lock: pool) */
    P2pSlot *free;     /* (borrowed) (nullable) (lock: pool) */
    unsigned n_used;   /* (lock: pool) */
  } slots;
};

/* pool.c */
unsigned p2p_count_processors (void); /* that the process may use, 1 to 64 */
void p2p_task_list_append (P2pTaskList *list, P2pTask *task);
void p2p_task_list_append_all (P2pTaskList *list, const P2pTaskList *more);
/* As p2p_pool_submit () for each. */
void p2p_pool_submit_all (P2pPool *pool, const P2pTaskList *list);
void p2p_pool_wake_locked (P2pPool *pool, unsigned wanted, P2pWakes *wakes);
void p2p_pool_need_keeper_locked (P2pPool *pool, P2pWakes *wakes);
void p2p_pool_kick_locked (P2pPool *pool, P2pWakes *wakes);
void p2p_wakes_send (P2pPool *pool, P2pWakes *wakes);
/* worker.c */
P2pWorker *p2p_worker_self (void); /* NULL: the thread is no worker */
void p2p_worker_leave_idle_locked (P2pWorker *worker);
/* Starts n workers that n_threads and n_waking count already; takes those that fail off again.
 * False: the kernel refused, errno says why. */
bool p2p_pool_start_workers (P2pPool *pool, unsigned n);

/* Joins the workers that have ended. */
void p2p_pool_join_ended (P2pPool *pool);

/* keeper.c: false sets errno. */
bool p2p_keeper_start (P2pPool *pool);
/* After pool->quitting was set. */
void p2p_keeper_join (P2pPool *pool);

/* growth.c */
void p2p_growth_init (P2pPool *pool, unsigned n_processors);
void p2p_growth_review_locked (P2pPool *pool, int64_t now_us);
void p2p_growth_judge_locked (P2pPool *pool, int64_t now_us);
/* More threads were tried and brought nothing. */
bool p2p_growth_is_held_locked (P2pPool *pool, int64_t now_us);
/* The pool came to rest. */
void p2p_growth_forget_locked (P2pPool *pool);

/* waiter.c: waits (not at all with poll_only) and appends what woke to list. Returns the time. */
bool p2p_waiter_init (P2pPool *pool, GError **error);
void p2p_waiter_done (P2pPool *pool);
int64_t p2p_waiter_wait (P2pPool *pool, bool poll_only, P2pTaskList *list);
/* Writes to the descriptor that the holder's epoll_wait watches. */
void p2p_waiter_kick (P2pPool *pool);

/* deadlines.c */
void p2p_deadlines_init (P2pPool *pool);
void p2p_deadlines_done (P2pPool *pool);
/* Room for one more chunk of slots. */
void p2p_deadlines_reserve (P2pPool *pool, unsigned n_slots);
/* The slot is looked at no later than deadline_us from now on. */
void p2p_deadlines_move (P2pPool *pool, P2pSlot *slot, int64_t deadline_us);
void p2p_deadlines_remove (P2pPool *pool, P2pSlot *slot);
/* Wakes what has passed and appends it to list. */
void p2p_deadlines_advance (P2pPool *pool, int64_t now_us, P2pTaskList *list);

/* parked.c */

/* The place of a parked object. Slots are type-stable: a late event finds one that is in use again
 * or free, but never freed memory, and its generation does not match. */
typedef enum
{
  P2P_SLOT_IDLE,   /* the object runs, or is not parked yet: its owner alone writes */
  P2P_SLOT_ARMING, /* p2p_park () is at work */
  P2P_SLOT_RUNG,   /* woken while ARMING: p2p_park () itself makes a task of it */
  P2P_SLOT_PARKED,
  P2P_SLOT_QUEUED, /* in the queue, or on the way there */
} P2pSlotState;

struct P2pSlot
{
  /* generation << 32 | wake << 8 | state; the generation counts parks. */
  _Alignas(128) _Atomic uint64_t word;
  P2pBell bell;
  P2pPool *pool;       /* (borrowed) */
  P2pParked *parked;   /* (borrowed) (nullable) belongs to who made the last change of state */
  P2pStream *armed[2]; /* (borrowed) (nullable) likewise */
  uint32_t index;      /* constant */
  uint32_t heap_index; /* (lock: deadlines) */
  _Atomic int64_t deadline_us; /* of the last park */
  _Atomic int64_t due_us; /* when the heap has it looked at; P2P_FOREVER: not in the heap; written
                             under deadlines.lock */
  P2pSlot *next_free;     /* (borrowed) (nullable) (lock: pool) */
};

#define P2P_SLOT_CHUNK 256
#define P2P_SLOT_MAX_CHUNKS 4096
#define P2P_SLOT_INDEX_MASK 0xffffffu /* see P2pWatch.waiter */
G_STATIC_ASSERT (P2P_SLOT_CHUNK * P2P_SLOT_MAX_CHUNKS <= P2P_SLOT_INDEX_MASK);

void p2p_slots_init (P2pPool *pool);
void p2p_slots_done (P2pPool *pool);
P2pSlot *p2p_slots_get (P2pPool *pool, uint32_t index);

/* One compare-and-swap PARKED → QUEUED if the slot's generation is this one. True: the caller must
 * queue slot->parked->task. False: somebody else was first, or it is not parked. */
bool p2p_slot_wake (P2pSlot *slot, uint32_t generation, P2pWake wake);
/* All that is parked, with P2P_WAKE_STOP. */
void p2p_slots_stop (P2pPool *pool, P2pTaskList *list);

static inline P2pSlotState
p2p_slot_state (uint64_t word)
{
  return (P2pSlotState) (word & 0xff);
}

static inline uint32_t
p2p_slot_generation (uint64_t word)
{
  return (uint32_t) (word >> 32);
}
