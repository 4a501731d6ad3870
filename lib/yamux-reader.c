/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The reader thread of a Yamux session: reads, dispatches, writes what others could not, keeps
 * time, and ends the session. It waits in one place: for the transport, its doorbell, or the next
 * thing that is due. */
#include "lib/yamux-priv.h"

#include "lib/pool.h"

#include <glib.h>
#include <sched.h>

/* For the last words of a session that ends with a reason, and for the peer to read them. */
#define LAST_WORDS_MS 500

static const char *
text_of_end (P2pIo io)
{
  switch (io)
    {
    case P2P_IO_EOF:
      return "the peer closed the connection";
    case P2P_IO_RESET:
      return "connection lost";
    case P2P_IO_TLS:
      return "TLS error";
    default:
      return p2p_io_text (io);
    }
}

P2pIo
yamux_read_some (P2pYamux *yamux, size_t *ret_n)
{
  P2pIo io;

  *ret_n = 0;
  if (yamux->fault || yamux->read_end != P2P_IO_OK)
    return yamux->read_end;
  io = p2p_stream_read (yamux->transport, yamux->rx, YAMUX_RX_SIZE, ret_n, P2P_TRY);
  if (io != P2P_IO_OK && io != P2P_IO_AGAIN)
    yamux->read_end = io;
  if (io != P2P_IO_OK)
    return io;
  atomic_store_explicit (&yamux->last_byte_us, p2p_now_us (), memory_order_relaxed);
  atomic_fetch_add_explicit (&yamux->bytes_in, *ret_n, memory_order_relaxed);
  p2p_parked_collect_begin ();
  yamux->fault = yamux_receive (yamux, (P2pSpan){ (const char *) yamux->rx, *ret_n });
  p2p_parked_collect_end ();
  /* The kernel is not asked again when it has just given all it had. */
  return *ret_n == YAMUX_RX_SIZE || yamux->fault || p2p_stream_pending (yamux->transport) > 0
             ? P2P_IO_OK
             : P2P_IO_AGAIN;
}

static void
end_lingers_locked (P2pYamux *yamux, int64_t now_us)
{
  YamuxStream *strm;

  while ((strm = TAILQ_FIRST (&yamux->lingers)) && strm->linger_until_us <= now_us)
    {
      yamux_tell_locked (strm, YAMUX_TELL_RST);
      TAILQ_REMOVE (&yamux->lingers, strm, linger_link);
      strm->in_lingers = false;
      yamux_stream_unref (strm); /* the table has another */
    }
}

bool
yamux_awaits_byte_locked (P2pYamux *yamux)
{
  return yamux->awaits_since_us > 0
         && atomic_load_explicit (&yamux->last_byte_us, memory_order_relaxed)
                < yamux->awaits_since_us;
}

/* False: a check found the peer silent. */
static bool
keep_check_locked (P2pYamux *yamux, int64_t now_us)
{
  if (yamux->check_wait_us > 0)
    {
      /* One that is under way is not put off. */
      if (yamux->check_by_us == 0
          || atomic_load_explicit (&yamux->last_byte_us, memory_order_relaxed)
                 >= yamux->check_since_us)
        {
          yamux->check_since_us = now_us;
          yamux->check_by_us = now_us + yamux->check_wait_us;
        }
      yamux->check_wait_us = 0;
      yamux->next_ping_us = now_us;
    }
  if (yamux->check_by_us == 0)
    return true;
  if (atomic_load_explicit (&yamux->last_byte_us, memory_order_relaxed) < yamux->check_since_us)
    return now_us < yamux->check_by_us;
  yamux->check_by_us = 0;
  return true;
}

/* A write may find the end before what the peer said last is read, its GOAWAY above all: that is
 * heard first, for a while. Answers why the session is dead, or NULL. */
static const char *
hear_last_words_locked (P2pYamux *yamux, bool read_all)
{
  int64_t now_us = p2p_now_us ();

  if (yamux->hear_by_us == 0)
    {
      yamux->hear_by_us = now_us + LAST_WORDS_MS * 1000;
      return NULL;
    }
  return read_all || now_us >= yamux->hear_by_us ? text_of_end (yamux->send_end) : NULL;
}

/* Does what is due; answers why the session is dead, or NULL. The transport was asked for bytes
 * just before; read_all: it had no more. */
static const char *
keep_time_locked (P2pYamux *yamux, bool read_all)
{
  int64_t now_us = p2p_now_us ();
  int64_t dead_after_us = yamux->options.dead_after_ms * 1000;

  end_lingers_locked (yamux, now_us);
  if (!keep_check_locked (yamux, now_us)
      || (yamux_awaits_byte_locked (yamux) && now_us >= yamux->awaits_since_us + dead_after_us))
    {
      yamux->ours = true;
      return "the peer is silent";
    }
  if (now_us >= yamux->next_ping_us)
    {
      yamux->tell_ping = true;
      yamux->hurry_us = 1;
      yamux->next_ping_us = now_us + yamux->options.ping_interval_ms * 1000;
    }
  if (yamux->blocked || (yamux->hurry_us > 0 && yamux->hurry_us <= now_us))
    yamux_drain_locked (yamux, true);
  if (yamux->send_end != P2P_IO_OK)
    return hear_last_words_locked (yamux, read_all);
  if (!yamux->blocked || p2p_now_us () < yamux->took_us + dead_after_us)
    return NULL;
  yamux->ours = true;
  return "the peer takes no bytes";
}

static int64_t
next_due_locked (P2pYamux *yamux)
{
  int64_t dead_after_us = yamux->options.dead_after_ms * 1000;
  /* A stream that begins to linger meanwhile does not wake the reader: it waits for twice its time
   * at most. */
  int64_t due_us = MIN (yamux->next_ping_us, p2p_deadline_ms (yamux->options.linger_ms));
  YamuxStream *strm = TAILQ_FIRST (&yamux->lingers);

  if (yamux_awaits_byte_locked (yamux))
    due_us = MIN (due_us, yamux->awaits_since_us + dead_after_us);
  if (yamux->check_by_us > 0)
    due_us = MIN (due_us, yamux->check_by_us);
  if (yamux->blocked)
    due_us = MIN (due_us, yamux->took_us + dead_after_us);
  else if (yamux->hurry_us > 0 && !yamux->sending)
    due_us = MIN (due_us, yamux->hurry_us);
  if (strm)
    due_us = MIN (due_us, strm->linger_until_us);
  return MAX (due_us, 1); /* never P2P_TRY */
}

/* Nothing is awaited that the reader thread itself is to see. */
static bool
may_nap_locked (const P2pYamux *yamux)
{
  return yamux->help.transport_fd >= 0 && !yamux->blocked && yamux->oldest_us == 0
         && yamux->check_by_us == 0;
}

/* Whatever it was, all is asked again. */
static void
wait_or_nap (P2pYamux *yamux, unsigned want, bool may_nap, int64_t due_us)
{
  bool naps = may_nap && yamux_help_begin_nap (&yamux->help, &due_us);
  P2pWait items[2] = { { .strm = naps ? NULL : &yamux->gate.base, .want = want },
                       { .strm = &yamux->doorbell.base, .want = P2P_READABLE } };

  (void) p2p_stream_wait (items, G_N_ELEMENTS (items), due_us);
  if (naps)
    yamux_help_end_nap (&yamux->help);
}

/* Sends what is due and, when there is nothing to read, waits. Answers why the session ends, or
 * NULL. */
static const char *
wait_for_work (P2pYamux *yamux, bool read_all)
{
  unsigned want = P2P_READABLE;
  const char *why;
  int64_t due_us;
  bool may_nap;

  p2p_mutex_lock (&yamux->lock);
  why = yamux->over ? yamux->why : keep_time_locked (yamux, read_all);
  if (!why && yamux->over)
    why = yamux->why;
  if (yamux->blocked)
    want |= P2P_WRITABLE;
  may_nap = may_nap_locked (yamux);
  due_us = next_due_locked (yamux);
  p2p_mutex_unlock (&yamux->lock);

  if (!why && read_all && yamux->hear_by_us == 0)
    wait_or_nap (yamux, want, may_nap, due_us);
  return why;
}

static const char *
serve (P2pYamux *yamux, bool *ret_fault)
{
  for (;;)
    {
      const char *why;
      size_t n;
      P2pIo io;

      p2p_mutex_lock (&yamux->read_lock);
      io = yamux_read_some (yamux, &n);
      why = yamux->fault;
      *ret_fault = why && !yamux->peer_ended;
      p2p_mutex_unlock (&yamux->read_lock);
      if (yamux->hear_by_us > 0 && n > 0)
        io = P2P_IO_OK; /* all of it is heard */
      if (!why && io != P2P_IO_OK && io != P2P_IO_AGAIN)
        why = text_of_end (io);
      if (!why)
        why = wait_for_work (yamux, io == P2P_IO_AGAIN);
      if (why)
        return why;
    }
}

static void
clear_lists_locked (P2pYamux *yamux)
{
  YamuxStream *strm;

  while ((strm = TAILQ_FIRST (&yamux->tells)))
    {
      TAILQ_REMOVE (&yamux->tells, strm, tell_link);
      strm->in_tells = false;
      yamux_stream_unref (strm);
    }
  while ((strm = TAILQ_FIRST (&yamux->sends)))
    {
      TAILQ_REMOVE (&yamux->sends, strm, send_link);
      strm->in_sends = false;
      yamux_stream_unref (strm);
    }
}

static YamuxStream *
take_any_stream (P2pYamux *yamux, unsigned *bucket)
{
  P2P_LOCKED (&yamux->lock);
  for (; *bucket < YAMUX_BUCKETS; ++*bucket)
    {
      YamuxStream *strm = LIST_FIRST (&yamux->table[*bucket]);

      if (strm)
        {
          yamux_stream_ref (strm);
          yamux_table_remove_locked (yamux, strm);
          return strm;
        }
    }
  return NULL;
}

static void
end_streams (P2pYamux *yamux)
{
  YamuxStream *strm;
  unsigned bucket = 0;

  while ((strm = take_any_stream (yamux, &bucket)))
    {
      p2p_mutex_lock (&strm->lock);
      yamux_stream_lose_locked (strm);
      p2p_mutex_unlock (&strm->lock);
      yamux_stream_unref (strm);
    }
  if (yamux->current)
    yamux_stream_unref (yamux->current);
  yamux->current = NULL;
  P2P_LOCKED (&yamux->lock);
  clear_lists_locked (yamux);
}

/* A close with unread bytes would be a reset, which may overtake what we said last. */
static void
read_away (P2pYamux *yamux, int64_t deadline_us)
{
  size_t n;

  while (p2p_now_us () < deadline_us
         && p2p_stream_read (yamux->transport, yamux->rx, YAMUX_RX_SIZE, &n, deadline_us)
                == P2P_IO_OK)
    ;
}

static void
say_goodbye (P2pYamux *yamux, bool is_fault)
{
  int64_t deadline_us = p2p_deadline_ms (LAST_WORDS_MS);

  yamux_send_last (yamux, is_fault ? YAMUX_GO_AWAY_PROTO : YAMUX_GO_AWAY_NORMAL, deadline_us);
  if (yamux->send_end == P2P_IO_OK
      && p2p_stream_shutdown (yamux->transport, deadline_us) == P2P_IO_OK && is_fault)
    read_away (yamux, deadline_us);
}

/* Who comes now to read for itself (yamux_help_look ()) finds no transport any more. */
static void
end_reading (P2pYamux *yamux)
{
  yamux_help_close (&yamux->help);
  P2P_LOCKED (&yamux->read_lock);
  if (yamux->read_end == P2P_IO_OK)
    yamux->read_end = P2P_IO_RESET;
}

void
yamux_finish (P2pYamux *yamux, const char *why, bool is_fault)
{
  bool goodbye;

  p2p_mutex_lock (&yamux->lock);
  goodbye = is_fault || yamux->over;
  if (!yamux->over)
    {
      yamux->over = true;
      yamux->ours |= is_fault;
      yamux->why = why;
    }
  p2p_cond_broadcast (&yamux->may_open);
  while (yamux->sending)
    (void) p2p_cond_wait (&yamux->turn_free, &yamux->lock, P2P_FOREVER); /* for one try */
  p2p_mutex_unlock (&yamux->lock);

  end_reading (yamux);
  end_streams (yamux);
  if (goodbye)
    say_goodbye (yamux, is_fault);
  p2p_stream_close (yamux->transport);
  yamux->transport = NULL;
}

static void
name_thread (P2pYamux *yamux)
{
  const struct sched_param param = { .sched_priority = 0 };
  char name[16];

  /* A sender that wakes the reader goes on first: the reader then finds more frames at once. It is
   * only a hint to the kernel, so a refusal changes nothing. */
  (void) sched_setscheduler (0, SCHED_BATCH, &param);

  (void) g_snprintf (name, sizeof name, "ymx-%s", yamux->options.name ? yamux->options.name : "");
  P2P_PTHREAD (pthread_setname_np (pthread_self (), name));
}

void *
yamux_reader_main (void *data)
{
  P2pYamux *yamux = data;
  const char *why;
  bool is_fault;

  name_thread (yamux);
  why = serve (yamux, &is_fault);
  yamux_finish (yamux, why, is_fault);
  yamux->options.ended (yamux, yamux->why, yamux->ours, yamux->options.data);
  p2p_yamux_unref (yamux);
  return NULL;
}
