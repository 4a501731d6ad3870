/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Log: a bounded queue and the one thread that writes it to standard error. Any thread may log;
 * nobody but that thread waits for the output. queue, n_queued_bytes, stopping and n_unreported are
 * guarded by the lock of class LOG; level, form, journal and running are set by start and stop and
 * read as atomics. */
#include "lib/log.h"

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log-priv.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The last quarter is kept for warnings and errors. */
#define QUEUE_MAX_LINES 4096
#define QUEUE_MAX_BYTES (4 * 1024 * 1024)
#define STOP_DEADLINE_MS 2000
/* What a pipe that poll () calls writable takes without blocking: never write more at once. */
#define PIECE_BYTES 4096
#define PAIRS_MAX 32
/* How often a thread that waits for the output looks whether the log ends. */
#define POLL_MS 200

static struct
{
  atomic_int level;
  atomic_int form;
  atomic_bool journal;
  atomic_bool running;
  atomic_uint_fast64_t n_dropped;

  P2pMutex lock;
  pthread_cond_t wake;
  pthread_t thread;
  GQueue queue;          /* (owned) (lock: LOG) of char * */
  size_t n_queued_bytes; /* (lock: LOG) */
  uint64_t n_unreported; /* (lock: LOG) dropped since the last line that told it */
  bool stopping;         /* (lock: LOG) */
  int64_t stop_us;       /* (lock: LOG) when the thread gives up once stopping is set */
  bool made;             /* lock and wake exist; main () alone */
} state = { .level = P2P_LOG_INFO, .form = P2P_LOG_HUMAN };

/* How many bytes the output took; 0 when none until the deadline, -1 when it is gone. */
static ssize_t
write_some (const char *text, size_t n, int64_t deadline_us)
{
  for (;;)
    {
      struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
      int ready = poll (&out, 1, p2p_deadline_poll_ms (deadline_us));
      ssize_t written;

      if (ready < 0 && errno == EINTR)
        continue;
      if (ready <= 0)
        return ready;
      written = write (STDERR_FILENO, text, MIN (n, PIECE_BYTES));
      if (written >= 0 || (errno != EINTR && errno != EAGAIN))
        return written;
    }
}

/* For lines that do not go through the queue. */
static void
write_now (const char *line)
{
  int64_t deadline_us = p2p_deadline_ms (STOP_DEADLINE_MS);
  size_t n = strlen (line);
  ssize_t written;

  for (; n > 0; line += written, n -= (size_t) written)
    {
      written = write_some (line, n, deadline_us);
      if (written <= 0)
        return; /* there is nobody left to tell */
    }
}

static char *
make_line (P2pLogLevel level, const char *area, const char *message, const char *const *pairs)
{
  P2pLogLine line = {
    .form = (P2pLogForm) atomic_load (&state.form),
    .journal = atomic_load (&state.journal),
    .wall_ms = p2p_wall_ms (),
    .level = level,
    .area = area,
    .message = message,
    .pairs = pairs,
  };

  return p2p_log_line_format (&line);
}

static bool
has_room_locked (P2pLogLevel level)
{
  unsigned share = level <= P2P_LOG_WARNING ? 4 : 3;

  return state.queue.length < QUEUE_MAX_LINES / 4 * share
         && state.n_queued_bytes < QUEUE_MAX_BYTES / 4 * share;
}

/* Takes the line. */
static void
enqueue (P2pLogLevel level, char *line)
{
  bool write_at_once = true;

  if (atomic_load (&state.running))
    {
      P2P_LOCKED (&state.lock);
      write_at_once = state.stopping;
      if (!write_at_once && has_room_locked (level))
        {
          g_queue_push_tail (&state.queue, line);
          state.n_queued_bytes += strlen (line);
          p2p_cond_signal (&state.wake);
          return;
        }
      if (!write_at_once)
        {
          state.n_unreported++;
          atomic_fetch_add (&state.n_dropped, 1);
        }
    }
  if (write_at_once)
    write_now (line);
  g_free (line);
}

/* What is queued now, and how many lines were dropped before it; false when the log ends. */
static bool
take_batch (GQueue *batch, uint64_t *ret_n_dropped)
{
  P2P_LOCKED (&state.lock);
  while (g_queue_is_empty (&state.queue) && !state.stopping)
    (void) p2p_cond_wait (&state.wake, &state.lock, P2P_FOREVER); /* the loop asks again */
  *batch = state.queue;
  g_queue_init (&state.queue);
  state.n_queued_bytes = 0;
  *ret_n_dropped = state.n_unreported;
  state.n_unreported = 0;
  return batch->length > 0 || *ret_n_dropped > 0;
}

static bool
gave_up (void)
{
  P2P_LOCKED (&state.lock);
  return state.stopping && p2p_now_us () >= state.stop_us;
}

/* The thread's own: waits for the output as long as the log runs, looking now and then whether it
 * still does. After the stop's deadline it only tries, and the line counts as dropped. */
static void
write_queued (const char *line)
{
  size_t n = strlen (line);

  while (n > 0)
    {
      bool late = gave_up ();
      ssize_t written = write_some (line, n, late ? P2P_TRY : p2p_deadline_ms (POLL_MS));

      if (written < 0 || (written == 0 && late))
        {
          atomic_fetch_add (&state.n_dropped, 1);
          return;
        }
      line += written;
      n -= (size_t) written;
    }
}

static void
report_dropped (uint64_t n)
{
  g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, (guint64) n);
  const char *const pairs[] = { "lines", number, NULL };
  g_autofree char *line
      = make_line (P2P_LOG_WARNING, "log", "the output was too slow: lines were dropped", pairs);

  write_queued (line);
}

static void *
log_main (void *data)
{
  GQueue batch;
  uint64_t n_dropped;

  (void) data;
  while (take_batch (&batch, &n_dropped))
    {
      char *line;

      while ((line = g_queue_pop_head (&batch)))
        {
          write_queued (line);
          g_free (line);
        }
      if (n_dropped)
        report_dropped (n_dropped);
    }
  return NULL;
}

/* journald tells by JOURNAL_STREAM="device:inode" that it reads a descriptor; it may have been
 * redirected since. */
static bool
journal_reads_us (void)
{
  const char *stream = g_getenv ("JOURNAL_STREAM");
  struct stat status;
  g_autofree char *ours = NULL;

  if (!stream || fstat (STDERR_FILENO, &status) < 0)
    return false;
  ours = g_strdup_printf ("%ju:%ju", (uintmax_t) status.st_dev, (uintmax_t) status.st_ino);
  return strcmp (stream, ours) == 0;
}

static P2pLogLevel
level_of_glib (GLogLevelFlags flags)
{
  if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return P2P_LOG_ERROR;
  if (flags & G_LOG_LEVEL_WARNING)
    return P2P_LOG_WARNING;
  return flags & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO) ? P2P_LOG_INFO : P2P_LOG_DEBUG;
}

static GLogWriterOutput
glib_writer (GLogLevelFlags flags, const GLogField *fields, gsize n_fields, gpointer data)
{
  P2pLogLevel level = level_of_glib (flags);
  const char *message = NULL;
  const char *domain = "glib";

  (void) data;
  for (gsize i = 0; i < n_fields; i++)
    {
      if (strcmp (fields[i].key, "MESSAGE") == 0)
        message = fields[i].value;
      else if (strcmp (fields[i].key, "GLIB_DOMAIN") == 0)
        domain = fields[i].value;
    }
  if (!message || !p2p_log_enabled (level)
      || (level == P2P_LOG_DEBUG && strcmp (domain, G_LOG_DOMAIN) != 0))
    return G_LOG_WRITER_HANDLED;
  if (level == P2P_LOG_ERROR)
    {
      /* GLib may abort as soon as this returns: the queue would die with the process. */
      g_autofree char *line = make_line (level, domain, message, NULL);

      write_now (line);
    }
  else
    enqueue (level, make_line (level, domain, message, NULL));
  return G_LOG_WRITER_HANDLED;
}

void
p2p_log_start (P2pLogLevel level, P2pLogForm form)
{
  g_assert (!atomic_load (&state.running));
  if (!state.made)
    {
      p2p_mutex_init (&state.lock, P2P_LOCK_LOG);
      p2p_cond_init (&state.wake);
      g_queue_init (&state.queue);
      g_log_set_writer_func (glib_writer, NULL, NULL); /* GLib allows one call a process */
      state.made = true;
    }
  atomic_store (&state.level, level);
  atomic_store (&state.form, form);
  atomic_store (&state.journal, journal_reads_us ());
  {
    P2P_LOCKED (&state.lock);
    state.stopping = false;
  }
  P2P_PTHREAD (pthread_create (&state.thread, NULL, log_main, NULL));
  atomic_store (&state.running, true);
}

void
p2p_log_stop (void)
{
  if (!atomic_load (&state.running))
    return;
  {
    P2P_LOCKED (&state.lock);
    state.stopping = true;
    state.stop_us = p2p_deadline_ms (STOP_DEADLINE_MS);
    p2p_cond_signal (&state.wake);
  }
  P2P_PTHREAD (pthread_join (state.thread, NULL));
  atomic_store (&state.running, false);
}

bool
p2p_log_enabled (P2pLogLevel level)
{
  return (int) level <= atomic_load_explicit (&state.level, memory_order_relaxed);
}

void
p2p_log (P2pLogLevel level, const char *area, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  if (!p2p_log_enabled (level))
    return;
  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  enqueue (level, make_line (level, area, message, NULL));
}

void
p2p_log_fields (P2pLogLevel level, const char *area, const char *message, ...)
{
  const char *pairs[2 * PAIRS_MAX + 1];
  unsigned n = 0;
  va_list args;

  if (!p2p_log_enabled (level))
    return;
  va_start (args, message);
  for (const char *text = va_arg (args, const char *); text; text = va_arg (args, const char *))
    {
      g_assert (n < 2 * PAIRS_MAX);
      pairs[n++] = text;
    }
  va_end (args);
  g_assert (n % 2 == 0);
  pairs[n] = NULL;
  enqueue (level, make_line (level, area, message, pairs));
}

uint64_t
p2p_log_dropped (void)
{
  return atomic_load (&state.n_dropped);
}
