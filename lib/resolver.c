/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The resolver: a cache of names, and the threads that fill it. Who asks for a name waits for its
 * entry, never for getaddrinfo () itself, which knows no deadline. All fields of P2pResolver and of
 * its entries are guarded by resolver->lock; the threads call the look-up function without it. */
#include "lib/resolver-priv.h"

#include "lib/lock.h"

#include <netdb.h>
#include <string.h>

#define N_THREADS_MAX 64

typedef struct
{
  char *name; /* (owned) */
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n_addresses;  /* 0: none yet, or no such name */
  P2pIo outcome;         /* of the last look-up; AGAIN: none has ended yet */
  int64_t fresh_until_us;
  int64_t begun_us; /* when the look-up began whose answer this is */
  unsigned n_answers;
  int64_t queued_at_us; /* the last time that it was */
  bool queued;
  unsigned n_running;    /* look-ups under way, several where fresh answers were asked for */
  unsigned n_waiting;    /* threads that wait for it: not to be forgotten */
  GList used;            /* link in resolver->used */
} Entry;

typedef struct
{
  P2pResolver *resolver; /* (borrowed) */
  pthread_t thread;
  bool asking; /* (lock: lock) it is in the look-up function */
  bool left;   /* (lock: lock) it was, when the resolver was freed: nobody joins it */
} Worker;

struct P2pResolver
{
  P2pResolverOptions options;
  P2pMutex lock;
  pthread_cond_t work;     /* the queue has an entry, or stopping (lock: lock) */
  pthread_cond_t answered; /* an entry is not busy any more (lock: lock) */
  GHashTable *entries;     /* name => (owned) Entry (lock: lock) */
  GQueue used;             /* of Entry, latest first (lock: lock) */
  GQueue queue;            /* of Entry (borrowed: entries) (lock: lock) */
  bool stopping;           /* (lock: lock) */
  Worker workers[N_THREADS_MAX]; /* (lock: lock) made when all others are busy */
  unsigned n_workers, n_idle;    /* (lock: lock) */
  unsigned n_asking;             /* (lock: lock) of them */
  unsigned n_users; /* (lock: lock) who was left, and who left them: the last one frees it */
};

static void
entry_free (void *data)
{
  Entry *entry = data;

  g_free (entry->name);
  g_free (entry);
}

/* The threads -----------------------------------------------------------------------------------
 */

static bool
is_busy (const Entry *entry)
{
  return entry->queued || entry->n_running > 0;
}

static void
take_answer_locked (P2pResolver *resolver,
                    Entry *entry,
                    int rc,
                    const P2pAddress *addresses,
                    unsigned n)
{
  int64_t believed_ms = rc == 0 ? resolver->options.good_ms : resolver->options.failed_ms;

  entry->fresh_until_us = p2p_deadline_ms (believed_ms);
  switch (rc)
    {
    case 0:
      memcpy (entry->addresses, addresses, n * sizeof *addresses);
      entry->n_addresses = n;
      entry->outcome = P2P_IO_OK;
      break;
    case EAI_AGAIN: /* silence, or a server in trouble: what was true before serves on */
    case EAI_FAIL:
      entry->outcome = entry->n_addresses > 0 ? P2P_IO_OK : P2P_IO_TIMEOUT;
      break;
    case EAI_MEMORY:
    case EAI_SYSTEM:
      entry->outcome = entry->n_addresses > 0 ? P2P_IO_OK : P2P_IO_SYS;
      break;
    default:
      entry->n_addresses = 0;
      entry->outcome = P2P_IO_REFUSED;
    }
}

/* Looks it up without the lock. */
static void
serve_locked (Worker *worker, Entry *entry)
{
  P2pResolver *resolver = worker->resolver;
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  int64_t begun_us = p2p_now_us ();
  unsigned n = 0;
  int rc;

  entry->queued = false;
  entry->n_running++;
  worker->asking = true;
  resolver->n_asking++;
  p2p_mutex_unlock (&resolver->lock);
  /* A busy entry is never freed, and its name never changes. */
  rc = resolver->options.func (entry->name, addresses, &n, resolver->options.data);
  if (rc == 0)
    p2p_resolver_interleave (addresses, n);
  p2p_mutex_lock (&resolver->lock);
  worker->asking = false;
  resolver->n_asking--;
  entry->n_running--;
  /* One that hung says nothing about what another found since. */
  if (begun_us >= entry->begun_us)
    {
      entry->begun_us = begun_us;
      entry->n_answers++;
      take_answer_locked (resolver, entry, rc, addresses, n);
    }
  p2p_cond_broadcast (&resolver->answered);
}

static void
free_memory (P2pResolver *resolver)
{
  g_queue_clear (&resolver->queue);
  g_hash_table_destroy (resolver->entries);
  p2p_cond_done (&resolver->work);
  p2p_cond_done (&resolver->answered);
  p2p_mutex_done (&resolver->lock);
  g_free (resolver);
}

static void *
thread_main (void *data)
{
  Worker *worker = data;
  P2pResolver *resolver = worker->resolver;
  bool last;

  (void) pthread_setname_np (pthread_self (), "resolver"); /* for people only */
  p2p_mutex_lock (&resolver->lock);
  while (!resolver->stopping)
    {
      Entry *entry = g_queue_pop_head (&resolver->queue);

      if (entry)
        {
          serve_locked (worker, entry);
          continue;
        }
      resolver->n_idle++;
      (void) p2p_cond_wait (&resolver->work, &resolver->lock, P2P_FOREVER);
      resolver->n_idle--;
    }
  last = worker->left && --resolver->n_users == 0;
  p2p_mutex_unlock (&resolver->lock);
  if (last)
    free_memory (resolver);
  return NULL;
}

/* 0, or an errno. */
static int
add_thread_locked (P2pResolver *resolver)
{
  Worker *worker = &resolver->workers[resolver->n_workers];
  int rc;

  worker->resolver = resolver;
  rc = pthread_create (&worker->thread, NULL, thread_main, worker);
  if (rc == 0)
    resolver->n_workers++;
  return rc;
}

static void
enqueue_locked (P2pResolver *resolver, Entry *entry)
{
  entry->queued = true;
  entry->queued_at_us = p2p_now_us ();
  g_queue_push_tail (&resolver->queue, entry);
  p2p_cond_signal (&resolver->work);
  if (resolver->queue.length > resolver->n_idle
      && resolver->n_workers < MIN (resolver->options.n_threads, N_THREADS_MAX))
    (void) add_thread_locked (resolver); /* without one more it waits for those that are there */
}

P2pResolver *
p2p_resolver_new_full (const P2pResolverOptions *options, GError **error)
{
  P2pResolver *resolver = g_new0 (P2pResolver, 1);
  int rc;

  g_assert (options->n_threads > 0 && options->cache_max > 0);
  resolver->options = *options;
  p2p_mutex_init (&resolver->lock, P2P_LOCK_RESOLVER);
  p2p_cond_init (&resolver->work);
  p2p_cond_init (&resolver->answered);
  resolver->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, entry_free);
  p2p_mutex_lock (&resolver->lock);
  rc = add_thread_locked (resolver);
  p2p_mutex_unlock (&resolver->lock);
  if (rc == 0)
    return resolver;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (rc), "resolver: thread: %s",
               g_strerror (rc));
  p2p_resolver_free (resolver);
  return NULL;
}

P2pResolver *
p2p_resolver_new (unsigned n_threads, unsigned cache_max, GError **error)
{
  return p2p_resolver_new_full (&(P2pResolverOptions){ .n_threads = n_threads,
                                                       .cache_max = cache_max,
                                                       .good_ms = 30000,
                                                       .failed_ms = 5000,
                                                       .stale_after_ms = 1000,
                                                       .leave_after_ms = 500,
                                                       .func = p2p_resolver_ask_system },
                                error);
}

void
p2p_resolver_stop (P2pResolver *resolver)
{
  P2P_LOCKED (&resolver->lock);

  resolver->stopping = true;
  p2p_cond_broadcast (&resolver->work);
  p2p_cond_broadcast (&resolver->answered);
}

/* Those that still ask after a while are left alone. */
static void
part_locked (P2pResolver *resolver)
{
  int64_t deadline_us = p2p_deadline_ms (resolver->options.leave_after_ms);
  bool in_time = true;

  while (resolver->n_asking > 0 && in_time)
    in_time = p2p_cond_wait (&resolver->answered, &resolver->lock, deadline_us);
  resolver->n_users = 1;
  for (unsigned i = 0; i < resolver->n_workers; i++)
    {
      Worker *worker = &resolver->workers[i];

      worker->left = worker->asking;
      if (!worker->left)
        continue;
      resolver->n_users++;
      P2P_PTHREAD (pthread_detach (worker->thread));
    }
}

void
p2p_resolver_free (P2pResolver *resolver)
{
  bool last;

  if (!resolver)
    return;
  p2p_resolver_stop (resolver);
  p2p_mutex_lock (&resolver->lock);
  part_locked (resolver);
  p2p_mutex_unlock (&resolver->lock);
  for (unsigned i = 0; i < resolver->n_workers; i++)
    if (!resolver->workers[i].left)
      P2P_PTHREAD (pthread_join (resolver->workers[i].thread, NULL));
  p2p_mutex_lock (&resolver->lock);
  last = --resolver->n_users == 0;
  p2p_mutex_unlock (&resolver->lock);
  if (last)
    free_memory (resolver);
}

/* Looking up ------------------------------------------------------------------------------------
 */

/* Forgets the entry that was asked for longest ago; false: all are in use. */
static bool
make_room_locked (P2pResolver *resolver)
{
  if (g_hash_table_size (resolver->entries) < resolver->options.cache_max)
    return true;
  for (GList *at = resolver->used.tail; at; at = at->prev)
    {
      Entry *entry = at->data;

      if (is_busy (entry) || entry->n_waiting > 0)
        continue;
      g_queue_unlink (&resolver->used, &entry->used);
      (void) g_hash_table_remove (resolver->entries, entry->name); /* it is there */
      return true;
    }
  return false;
}

/* NULL: the cache is full of names that are being looked up. */
static Entry *
find_entry_locked (P2pResolver *resolver, const char *name)
{
  Entry *entry = g_hash_table_lookup (resolver->entries, name);

  if (entry)
    g_queue_unlink (&resolver->used, &entry->used);
  else if (make_room_locked (resolver))
    {
      entry = g_new0 (Entry, 1);
      entry->name = g_strdup (name);
      entry->outcome = P2P_IO_AGAIN;
      entry->used.data = entry;
      g_hash_table_insert (resolver->entries, entry->name, entry);
    }
  if (entry)
    g_queue_push_head_link (&resolver->used, &entry->used);
  return entry;
}

/* What the cache has, or the answer of the look-up that is under way, or else of a new one. */
static P2pIo
wait_for_answer_locked (P2pResolver *resolver, Entry *entry, int64_t deadline_us)
{
  unsigned seen = entry->n_answers;
  bool in_time = true;

  if (entry->outcome != P2P_IO_AGAIN && p2p_now_us () < entry->fresh_until_us)
    return entry->outcome;
  if (!is_busy (entry) && !resolver->stopping)
    enqueue_locked (resolver, entry);
  /* DNS is silent: the old answer, counted from when the question was asked first. */
  if (entry->n_addresses > 0)
    deadline_us
        = MIN (deadline_us, entry->queued_at_us + resolver->options.stale_after_ms * 1000);
  entry->n_waiting++;
  while (entry->n_answers == seen && in_time && !resolver->stopping)
    in_time = p2p_cond_wait (&resolver->answered, &resolver->lock, deadline_us);
  entry->n_waiting--;
  if (entry->n_addresses > 0)
    return P2P_IO_OK;
  if (resolver->stopping)
    return P2P_IO_STOPPED;
  return entry->n_answers == seen ? P2P_IO_TIMEOUT : entry->outcome;
}

/* The answer of a look-up that begins now, whatever others wait for. */
static P2pIo
wait_for_fresh_locked (P2pResolver *resolver, Entry *entry, int64_t deadline_us)
{
  int64_t since_us = p2p_now_us ();
  bool in_time = true;

  if (!entry->queued && !resolver->stopping)
    enqueue_locked (resolver, entry);
  if (entry->n_addresses > 0)
    deadline_us = MIN (deadline_us, since_us + resolver->options.stale_after_ms * 1000);
  entry->n_waiting++;
  while (entry->begun_us < since_us && in_time && !resolver->stopping)
    in_time = p2p_cond_wait (&resolver->answered, &resolver->lock, deadline_us);
  entry->n_waiting--;
  if (resolver->stopping)
    return P2P_IO_STOPPED;
  if (entry->n_addresses > 0)
    return P2P_IO_OK;
  return entry->begun_us < since_us ? P2P_IO_TIMEOUT : entry->outcome;
}

typedef P2pIo (*WaitFunc) (P2pResolver *resolver, Entry *entry, int64_t deadline_us);

static P2pIo
look_up (P2pResolver *resolver,
         P2pSpan host,
         uint16_t port,
         P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
         unsigned *ret_n,
         WaitFunc wait,
         int64_t deadline_us)
{
  char name[P2P_RESOLVER_NAME_MAX + 1];
  Entry *entry;
  P2pIo io;

  if (!p2p_resolver_copy_name (host, name))
    return P2P_IO_REFUSED;
  if (p2p_resolver_parse_address (name, &ret_addresses[0]))
    {
      p2p_resolver_set_ports (ret_addresses, 1, port);
      *ret_n = 1;
      return P2P_IO_OK;
    }
  if (strpbrk (name, ":%"))
    return P2P_IO_REFUSED;
  p2p_mutex_lock (&resolver->lock);
  entry = find_entry_locked (resolver, name);
  io = entry ? wait (resolver, entry, deadline_us) : P2P_IO_OVERFLOW;
  if (io == P2P_IO_OK)
    {
      memcpy (ret_addresses, entry->addresses, entry->n_addresses * sizeof *ret_addresses);
      *ret_n = entry->n_addresses;
    }
  p2p_mutex_unlock (&resolver->lock);
  if (io == P2P_IO_OK)
    p2p_resolver_set_ports (ret_addresses, *ret_n, port);
  return io;
}

P2pIo
p2p_resolver_lookup (P2pResolver *resolver,
                     P2pSpan host,
                     uint16_t port,
                     P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
                     unsigned *ret_n,
                     int64_t deadline_us)
{
  return look_up (resolver, host, port, ret_addresses, ret_n, wait_for_answer_locked, deadline_us);
}

P2pIo
p2p_resolver_lookup_fresh (P2pResolver *resolver,
                           P2pSpan host,
                           uint16_t port,
                           P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
                           unsigned *ret_n,
                           int64_t deadline_us)
{
  return look_up (resolver, host, port, ret_addresses, ret_n, wait_for_fresh_locked, deadline_us);
}
