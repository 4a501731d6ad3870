/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* First contact: connect, shake hands, refuse, close. The whole attempt has one deadline. Main
 * thread. */
#include "client/probe.h"

#include <glib/gi18n-lib.h>

#include "client/error.h"
#include "client/trust-database.h"

enum
{
  PROBE_TIMEOUT_S = 15,
};

typedef struct
{
  P2pAddress *address;         /* (owned) */
  P2pCertificate *certificate; /* (owned) (nullable) */
  GIOStream *tls;              /* (owned) (nullable) */
  GCancellable *cancellable;   /* (owned) cancelled by the deadline or by the caller's */
  GCancellable *outer;         /* (owned) (nullable) */
  gulong outer_id;
  unsigned deadline_id;
  bool timed_out;
} Probe;

static void
probe_free (gpointer data)
{
  Probe *probe = data;

  g_clear_handle_id (&probe->deadline_id, g_source_remove);
  g_cancellable_disconnect (probe->outer, probe->outer_id);
  g_clear_object (&probe->outer);
  g_clear_object (&probe->cancellable);
  g_clear_object (&probe->tls);
  g_clear_object (&probe->certificate);
  p2p_address_free (probe->address);
  g_free (probe);
}

static void
outer_cancelled_cb (G_GNUC_UNUSED GCancellable *outer, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static gboolean
deadline_cb (gpointer user_data)
{
  Probe *probe = user_data;

  probe->deadline_id = 0;
  probe->timed_out = true;
  g_cancellable_cancel (probe->cancellable);
  return G_SOURCE_REMOVE;
}

GError *
p2p_probe_explain (const P2pAddress *address, GError *cause)
{
  g_autoptr (GError) error = cause;
  g_autofree char *name = p2p_address_dup_display (address);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_steal_pointer (&error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return g_error_new (P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_TIMEOUT, _("%s does not answer"), name);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    return g_error_new (
        P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_UNREACHABLE,
        _ ("%s refuses the connection: is p2pstreamd running, and is %u its management port?"),
        address->host, address->port);
  if (error->domain == G_RESOLVER_ERROR)
    return g_error_new (P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_UNREACHABLE,
                        _("There is no server named %s"), address->host);
  if (error->domain == G_TLS_ERROR)
    return g_error_new (P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_UNREACHABLE,
                        _("%s does not speak TLS on port %u"), address->host, address->port);
  return g_error_new (P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_UNREACHABLE, "%s: %s", name,
                      error->message);
}

static gboolean
accept_certificate_cb (G_GNUC_UNUSED GTlsConnection      *tls,
                       GTlsCertificate                   *certificate,
                       G_GNUC_UNUSED GTlsCertificateFlags errors,
                       gpointer                           user_data)
{
  Probe *probe = g_task_get_task_data (user_data);

  g_set_object (&probe->certificate, NULL);
  probe->certificate = p2p_certificate_new (certificate, probe->address);
  return FALSE;
}

static void
probe_done (GTask *task, GError *error)
{
  Probe *probe = g_task_get_task_data (task);
  g_autoptr (GError) cause = error;

  g_clear_handle_id (&probe->deadline_id, g_source_remove);
  if (probe->certificate != NULL)
    g_task_return_pointer (task, g_object_ref (probe->certificate), g_object_unref);
  else if (probe->timed_out)
    {
      g_clear_error (&cause);
      g_set_error_literal (&cause, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "deadline");
      g_task_return_error (task, p2p_probe_explain (probe->address, g_steal_pointer (&cause)));
    }
  else
    g_task_return_error (task, p2p_probe_explain (probe->address, g_steal_pointer (&cause)));
}

static void
handshake_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  Probe *probe = g_task_get_task_data (task);
  GTlsCertificate *shown;

  if (g_tls_connection_handshake_finish (G_TLS_CONNECTION (source), result, &error) &&
      probe->certificate == NULL)
    {
      /* A resumed session asks nobody about the certificate; the connection is closed all the same.
       */
      shown = g_tls_connection_get_peer_certificate (G_TLS_CONNECTION (source));
      if (shown != NULL)
        probe->certificate = p2p_certificate_new (shown, probe->address);
      else
        g_set_error_literal (&error, G_TLS_ERROR, G_TLS_ERROR_MISC, "no certificate");
    }
  g_io_stream_close_async (G_IO_STREAM (source), G_PRIORITY_DEFAULT, NULL, NULL, NULL);
  probe_done (task, g_steal_pointer (&error));
}

static void
connected_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) conn = NULL;
  g_autoptr (GSocketConnectable) identity = NULL;
  g_autoptr (GTlsDatabase) database = p2p_trust_database_new ();
  Probe *probe = g_task_get_task_data (task);

  conn = g_socket_client_connect_to_host_finish (G_SOCKET_CLIENT (source), result, &error);
  if (conn != NULL)
    {
      identity = g_network_address_new (probe->address->host, probe->address->port);
      probe->tls = g_tls_client_connection_new (G_IO_STREAM (conn), identity, &error);
    }
  if (probe->tls == NULL)
    {
      probe_done (task, g_steal_pointer (&error));
      return;
    }
  g_tls_connection_set_database (G_TLS_CONNECTION (probe->tls), database);
  g_signal_connect_object (probe->tls, "accept-certificate", G_CALLBACK (accept_certificate_cb),
                           task, 0);
  g_tls_connection_handshake_async (G_TLS_CONNECTION (probe->tls), G_PRIORITY_DEFAULT,
                                    probe->cancellable, handshake_cb, g_object_ref (task));
}

void
p2p_probe_async (const P2pAddress   *address,
                 GCancellable       *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GSocketClient) socket_client = g_socket_client_new ();
  Probe *probe = g_new0 (Probe, 1);

  g_task_set_source_tag (task, p2p_probe_async);
  probe->address = p2p_address_copy (address);
  probe->cancellable = g_cancellable_new ();
  g_set_object (&probe->outer, cancellable);
  g_task_set_task_data (task, probe, probe_free);
  if (cancellable != NULL)
    probe->outer_id = g_cancellable_connect (cancellable, G_CALLBACK (outer_cancelled_cb),
                                             g_object_ref (probe->cancellable), g_object_unref);
  probe->deadline_id = g_timeout_add_seconds (PROBE_TIMEOUT_S, deadline_cb, probe);
  g_socket_client_connect_to_host_async (socket_client, address->host, address->port,
                                         probe->cancellable, connected_cb, g_object_ref (task));
}

P2pCertificate *
p2p_probe_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, p2p_probe_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
