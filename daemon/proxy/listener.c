/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The socket of one public listener, see listener.h. */
#include "daemon/proxy/listener.h"

#include "daemon/proxy/inherited.h"
#include "lib/fd.h"
#include "lib/listen.h"
#include "lib/log.h"

#include <errno.h>
#include <glib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* --- references ------------------------------------------------------------------------------- */

ListenerRef *
listener_ref (ListenerRef *listener)
{
  return g_atomic_rc_box_acquire (listener);
}

static void
ref_clear (void *data)
{
  ListenerRef *listener = data;

  p2p_tls_server_unref (
      listener->tls); /* no write: TSan does not see the order that GLib's count gives */
}

void
listener_unref (ListenerRef *listener)
{
  g_atomic_rc_box_release_full (listener, ref_clear);
}

/* Inside the handshake: the snapshot in force decides, so that a change cuts nothing. */
static P2pTlsCert *
choose_cert (const char *server_name, void *data)
{
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigListener *listener = config_find_listener (cfg, (int64_t) (intptr_t) data);

  if (!listener || listener->protocol != CONFIG_PROTOCOL_HTTPS)
    return NULL; /* removed, or changed, since the client connected */
  return config_choose_cert (listener, p2p_span_from_string (server_name));
}

static ListenerRef *
make_ref (const ConfigListener *wanted, GError **error)
{
  static const char *const alpn[] = { "http/1.1", "http/1.0", NULL };
  P2pTlsServerOptions options = { .choose = choose_cert,
                                  .data = (void *) (intptr_t) wanted->id,
                                  .alpn = alpn,
                                  .tickets = true };
  P2pTlsServer *tls = NULL;
  ListenerRef *ref;

  if (wanted->protocol == CONFIG_PROTOCOL_HTTPS)
    {
      tls = p2p_tls_server_new (&options, error);
      if (!tls)
        return NULL;
    }
  ref = g_atomic_rc_box_new0 (ListenerRef);
  ref->id = wanted->id;
  ref->tls = tls;
  return ref;
}

/* --- sockets ---------------------------------------------------------------------------------- */

void
listener_init (Listener *listener)
{
  *listener = (Listener){ .fd = -1 };
}

bool
listener_is_bound_as (const Listener *listener, const ConfigListener *wanted)
{
  return listener->fd >= 0 && listener->port == wanted->port
         && listener->protocol == wanted->protocol
         && strcmp (listener->bind_address, wanted->bind_address) == 0;
}

void
listener_unbind (Listener *listener, int epoll_fd)
{
  if (listener->fd < 0)
    return;
  /* Closing is not enough for one that the service manager holds as well. */
  (void) epoll_ctl (epoll_fd, EPOLL_CTL_DEL, listener->fd, NULL); /* not there when that failed */
  if (listener->inherited)
    {
      inherited_give_back (listener->fd);
      listener->fd = -1;
    }
  else
    {
      p2p_fd_close (&listener->fd);
      if (g_str_has_prefix (listener->bind_address, "unix:"))
        (void) unlink (listener->bind_address + 5); /* somebody may have been quicker */
    }
  g_clear_pointer (&listener->ref, listener_unref);
}

bool
listener_bind (Listener *listener, const ConfigListener *wanted, uint16_t *ret_port, GError **error)
{
  uint16_t port;

  g_free (listener->bind_address);
  listener->bind_address = g_strdup (wanted->bind_address);
  listener->port = wanted->port;
  listener->protocol = wanted->protocol;
  listener->ref = make_ref (wanted, error);
  if (!listener->ref)
    return false;
  listener->fd = inherited_borrow (wanted->bind_address, wanted->port, &port);
  listener->inherited = listener->fd >= 0;
  if (!listener->inherited)
    listener->fd = p2p_listen (wanted->bind_address, wanted->port, &port, error);
  if (listener->fd < 0)
    {
      g_clear_pointer (&listener->ref, listener_unref);
      return false;
    }
  *ret_port = port;
  p2p_log (P2P_LOG_INFO, "proxy", "listener '%s': %s on %s port %u%s", wanted->name,
           wanted->protocol == CONFIG_PROTOCOL_HTTPS ? "https" : "http",
           *wanted->bind_address ? wanted->bind_address : "*", port,
           listener->inherited ? ", a socket of the service manager's" : "");
  return true;
}
