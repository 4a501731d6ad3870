/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The table of public listeners, and the acceptor: one thread that alone touches the listening
 * descriptors. A change of configuration, and start and stop, leave their wish in the table, kick
 * the acceptor and wait until it has dealt with it, so that the state is true when the call
 * answers. Also the room's slow clock: binds again what failed, closes idle upstream connections.
 */
#include "daemon/config/change.h"
#include "daemon/proxy/acceptor.h"
#include "daemon/proxy/inherited.h"
#include "daemon/proxy/listener.h"
#include "daemon/proxy/upstream.h"
#include "lib/fd.h"
#include "lib/log.h"

#include <errno.h>
#include <glib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS 1000
#define RETRY_US (5 * G_USEC_PER_SEC)
#define APPLY_MS 10000

typedef enum
{
  AS_CONFIGURED,
  STARTED_BY_HAND,
  STOPPED_BY_HAND,
} Override;

typedef struct
{
  int64_t id;
  Override override;          /* (lock) until the configuration's wish changes, too */
  ProxyListenerStatus status; /* (lock) */
  /* the acceptor's alone: */
  Listener listener;
  bool enabled; /* as configured when it was last looked at */
  int64_t retry_at_us;
} Entry;

static struct
{
  P2pMutex lock;
  pthread_cond_t applied_cond;
  GPtrArray *entries;       /* (lock) of Entry (owned); only the acceptor adds and removes */
  uint64_t wished, applied; /* (lock) */
  bool stop;                /* (lock) */
  int epoll_fd, kick_fd;
  pthread_t thread;
} table;

/* --- entries (the acceptor) ------------------------------------------------------------------- */

static Entry *
find_entry (int64_t id)
{
  for (unsigned i = 0; i < table.entries->len; i++)
    {
      Entry *entry = table.entries->pdata[i];

      if (entry->id == id)
        return entry;
    }
  return NULL;
}

static void
set_status (Entry *entry, ProxyListenerState state, uint16_t port, const char *message)
{
  P2P_LOCKED (&table.lock);

  entry->status.state = state;
  entry->status.bound_port = port;
  g_strlcpy (entry->status.last_error, message, sizeof entry->status.last_error);
}

static void
entry_free (void *data)
{
  Entry *entry = data;

  listener_unbind (&entry->listener, table.epoll_fd);
  g_free (entry->listener.bind_address);
  g_free (entry);
}

static bool
try_bind (Entry *entry, const ConfigListener *wanted, GError **error)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = entry };
  uint16_t port;

  if (!listener_bind (&entry->listener, wanted, &port, error))
    return false;
  if (epoll_ctl (table.epoll_fd, EPOLL_CTL_ADD, entry->listener.fd, &event) != 0)
    {
      g_set_error (error, PROXY_ERROR, PROXY_ERROR_BIND, "epoll: %s", g_strerror (errno));
      listener_unbind (&entry->listener, table.epoll_fd);
      return false;
    }
  set_status (entry, PROXY_LISTENER_RUNNING, port, "");
  return true;
}

static void
entry_bind (Entry *entry, const ConfigListener *wanted)
{
  g_autoptr (GError) error = NULL;

  if (try_bind (entry, wanted, &error))
    return;
  if (g_strcmp0 (entry->status.last_error, error->message) != 0) /* written by this thread alone */
    p2p_log (P2P_LOG_ERROR, "proxy", "listener '%s': %s, trying again every %d s", wanted->name,
             error->message, (int) (RETRY_US / G_USEC_PER_SEC));
  set_status (entry, PROXY_LISTENER_ERROR, 0, error->message);
  entry->retry_at_us = p2p_now_us () + RETRY_US;
}

static bool
is_wanted (Entry *entry, const ConfigListener *wanted)
{
  P2P_LOCKED (&table.lock);

  if (!wanted)
    return false;
  if (wanted->enabled != entry->enabled)
    entry->override = AS_CONFIGURED; /* the latest wish counts */
  entry->enabled = wanted->enabled;
  return entry->override == AS_CONFIGURED ? wanted->enabled : entry->override == STARTED_BY_HAND;
}

/* First those that end or move: another may want their place. */
static void
apply_ends (const Config *cfg)
{
  for (unsigned i = table.entries->len; i > 0; i--)
    {
      Entry *entry = table.entries->pdata[i - 1];
      const ConfigListener *wanted = config_find_listener (cfg, entry->id);
      bool keep = is_wanted (entry, wanted);

      if (keep && listener_is_bound_as (&entry->listener, wanted))
        continue;
      listener_unbind (&entry->listener, table.epoll_fd);
      if (!keep)
        set_status (entry, PROXY_LISTENER_STOPPED, 0, "");
      if (!wanted)
        {
          P2P_LOCKED (&table.lock);
          g_ptr_array_remove_index (table.entries, i - 1);
        }
    }
}

static Entry *
ensure_entry (const ConfigListener *wanted)
{
  Entry *entry = find_entry (wanted->id);

  if (!entry)
    {
      P2P_LOCKED (&table.lock);

      entry = g_new0 (Entry, 1);
      entry->id = wanted->id;
      entry->enabled = wanted->enabled;
      listener_init (&entry->listener);
      g_ptr_array_add (table.entries, entry);
    }
  return entry;
}

static void
apply (bool only_retries)
{
  g_autoptr (Config) cfg = config_get_current ();
  int64_t now_us = p2p_now_us ();

  if (!only_retries)
    apply_ends (cfg);
  for (unsigned i = 0; i < cfg->n_listeners; i++)
    {
      Entry *entry = only_retries ? find_entry (cfg->listeners[i]->id)
                                  : ensure_entry (cfg->listeners[i]);

      if (!entry || entry->listener.fd >= 0 || !is_wanted (entry, cfg->listeners[i])
          || (only_retries && entry->retry_at_us > now_us))
        continue;
      entry_bind (entry, cfg->listeners[i]);
    }
}

/* --- the acceptor's thread -------------------------------------------------------------------- */

/* False: end. */
static bool
deal_with_kick (void)
{
  uint64_t wished;
  bool stop;

  p2p_mutex_lock (&table.lock);
  wished = table.wished;
  stop = table.stop;
  p2p_mutex_unlock (&table.lock);
  if (stop)
    return false;
  apply (false);
  if (table.applied == 0) /* written by this thread alone */
    inherited_report ();
  p2p_mutex_lock (&table.lock);
  table.applied = wished;
  p2p_cond_broadcast (&table.applied_cond);
  p2p_mutex_unlock (&table.lock);
  return true;
}

static bool
drain_kick (void)
{
  uint64_t count;

  return read (table.kick_fd, &count, sizeof count) == sizeof count;
}

/* The kick comes last: it may free entries that events of this batch point to. */
static bool
deal_with_events (const struct epoll_event *events, int n)
{
  bool kicked = false;

  for (int i = 0; i < n; i++)
    {
      Entry *entry = events[i].data.ptr;

      if (!entry)
        kicked = drain_kick ();
      else if (entry->listener.fd >= 0)
        acceptor_accept (entry->listener.fd, entry->listener.ref);
    }
  return !kicked || deal_with_kick ();
}

static void *
acceptor_main (void *data)
{
  int64_t tick_at_us = p2p_deadline_ms (TICK_MS);

  (void) data;
  (void) pthread_setname_np (pthread_self (), "acceptor"); /* only a name */
  for (;;)
    {
      struct epoll_event events[16];
      int n = epoll_wait (table.epoll_fd, events, G_N_ELEMENTS (events),
                          p2p_deadline_poll_ms (tick_at_us));

      if (!deal_with_events (events, MAX (n, 0)))
        return NULL;
      if (p2p_now_us () < tick_at_us)
        continue;
      tick_at_us = p2p_deadline_ms (TICK_MS);
      apply (true);
      upstreams_reap ();
      workspaces_reap ();
      proxy_tidy ();
    }
}

/* --- wishes ----------------------------------------------------------------------------------- */

static void
kick_locked (void)
{
  uint64_t one = 1;

  if (write (table.kick_fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN); /* full: kicked already */
}

static void
wish_and_wait_locked (void)
{
  uint64_t mine = ++table.wished;
  int64_t deadline_us = p2p_deadline_ms (APPLY_MS);

  kick_locked ();
  while (table.applied < mine && !table.stop)
    if (!p2p_cond_wait (&table.applied_cond, &table.lock, deadline_us))
      break;
}

static void
config_changed_cb (const Config *old, const Config *cfg, void *data)
{
  P2P_LOCKED (&table.lock);

  (void) old;
  (void) cfg;
  (void) data;
  wish_and_wait_locked ();
}

bool
listeners_start (GError **error)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

  p2p_mutex_init (&table.lock, P2P_LOCK_LISTENERS);
  p2p_cond_init (&table.applied_cond);
  table.entries = g_ptr_array_new_with_free_func (entry_free);
  table.stop = false;
  table.wished = table.applied = 0;
  table.epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  table.kick_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (table.epoll_fd < 0 || table.kick_fd < 0
      || epoll_ctl (table.epoll_fd, EPOLL_CTL_ADD, table.kick_fd, &event) != 0)
    {
      g_set_error (error, PROXY_ERROR, PROXY_ERROR_BIND, "acceptor: %s", g_strerror (errno));
      return false;
    }
  inherited_start ();
  config_add_observer (config_changed_cb, NULL);
  P2P_PTHREAD (pthread_create (&table.thread, NULL, acceptor_main, NULL));
  config_changed_cb (NULL, NULL, NULL);
  return true;
}

void
listeners_stop (void)
{
  p2p_mutex_lock (&table.lock);
  table.stop = true;
  kick_locked ();
  p2p_cond_broadcast (&table.applied_cond);
  p2p_mutex_unlock (&table.lock);
  P2P_PTHREAD (pthread_join (table.thread, NULL));
  inherited_stop (); /* before those that have borrowed would put them to rest */
  g_clear_pointer (&table.entries, g_ptr_array_unref);
  p2p_fd_close (&table.epoll_fd);
  p2p_fd_close (&table.kick_fd);
}

/* --- from the API ----------------------------------------------------------------------------- */

bool
proxy_listener_get_status (int64_t id, ProxyListenerStatus *ret_status)
{
  P2P_LOCKED (&table.lock);
  Entry *entry = table.entries ? find_entry (id) : NULL;

  if (!entry)
    return false;
  *ret_status = entry->status;
  return true;
}

static Entry *
override_locked (int64_t id, Override override)
{
  Entry *entry = table.entries ? find_entry (id) : NULL;

  if (!entry)
    return NULL;
  entry->override = override;
  wish_and_wait_locked ();
  return find_entry (id); /* the lock was given up meanwhile */
}

static bool
override_listener (int64_t id, Override override, ProxyListenerStatus *ret_status, GError **error)
{
  P2P_LOCKED (&table.lock);
  Entry *entry = table.entries ? find_entry (id) : NULL;
  Override before = entry ? entry->override : AS_CONFIGURED;

  entry = override_locked (id, override);
  if (!entry)
    {
      g_set_error (error, PROXY_ERROR, PROXY_ERROR_NOT_FOUND, "listener %" G_GINT64_FORMAT
                   ": no such listener", id);
      return false;
    }
  *ret_status = entry->status;
  if (override == STARTED_BY_HAND && entry->status.state != PROXY_LISTENER_RUNNING)
    (void) override_locked (id, before); /* a start that is refused is no wish for later */
  return true;
}

bool
proxy_listener_start (int64_t id, GError **error)
{
  ProxyListenerStatus status;

  if (!override_listener (id, STARTED_BY_HAND, &status, error))
    return false;
  if (status.state == PROXY_LISTENER_RUNNING)
    return true;
  g_set_error_literal (error, PROXY_ERROR, PROXY_ERROR_BIND, status.last_error);
  return false;
}

bool
proxy_listener_stop (int64_t id, GError **error)
{
  ProxyListenerStatus status;

  return override_listener (id, STOPPED_BY_HAND, &status, error);
}
