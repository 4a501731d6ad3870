/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One server's management API over libsoup. Main thread only, so there are no locks. */
#include "client/client.h"

#include <glib/gi18n-lib.h>
#include <libsoup/soup.h>

#include "client/error.h"
#include "client/probe.h"
#include "client/trust-database.h"

enum
{
  CONNS_MAX = 8,        /* libsoup's two would starve behind two event streams */
  IDLE_TIMEOUT_S = 20,  /* without a byte, while a call waits */
  CALL_TIMEOUT_S = 60,  /* of a whole call: slow drips cannot extend it */
  KEEP_ALIVE_S = 50,
  ANSWER_MAX_BYTES = 16 * 1024 * 1024,
  READ_BYTES = 64 * 1024,
};

struct _P2pClient
{
  GObject parent_instance;

  P2pAddress *address;     /* (owned) */
  P2pPin *pin;             /* (owned) (nullable) */
  char *token;             /* (owned) (nullable) */
  SoupSession *session;    /* (owned) */
  P2pCertificate *refused; /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (P2pClient, p2p_client, G_TYPE_OBJECT)

/* Task data of one call. */
typedef struct
{
  SoupMessage *msg;          /* (owned) */
  GInputStream *in;          /* (owned) (nullable) */
  GByteArray *answer;        /* (owned) */
  GCancellable
      *cancellable; /* (owned) cancelled by the deadline, by the judge or by the caller's */
  GCancellable *outer;       /* (owned) (nullable) */
  gulong outer_id;
  unsigned deadline_id;
  bool timed_out;
  P2pDoubt doubt;
} Call;

static void
call_free (gpointer data)
{
  Call *call = data;

  g_clear_handle_id (&call->deadline_id, g_source_remove);
  g_cancellable_disconnect (call->outer, call->outer_id);
  g_clear_object (&call->outer);
  g_clear_object (&call->cancellable);
  g_clear_object (&call->in);
  g_clear_object (&call->msg);
  g_byte_array_unref (call->answer);
  g_free (call);
}

static void
p2p_client_dispose (GObject *object)
{
  P2pClient *self = P2P_CLIENT (object);

  if (self->session != NULL)
    soup_session_abort (self->session);
  g_clear_object (&self->session);
  g_clear_object (&self->refused);
  G_OBJECT_CLASS (p2p_client_parent_class)->dispose (object);
}

static void
p2p_client_finalize (GObject *object)
{
  P2pClient *self = P2P_CLIENT (object);

  p2p_address_free (self->address);
  g_free (self->pin);
  g_free (self->token);
  G_OBJECT_CLASS (p2p_client_parent_class)->finalize (object);
}

static void
p2p_client_class_init (P2pClientClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = p2p_client_dispose;
  G_OBJECT_CLASS (klass)->finalize = p2p_client_finalize;
}

static void
p2p_client_init (P2pClient *self)
{
  g_autoptr (GTlsDatabase) database = p2p_trust_database_new ();

  self->session = g_object_new (SOUP_TYPE_SESSION,
                                "max-conns", CONNS_MAX,
                                "max-conns-per-host", CONNS_MAX,
                                "timeout", IDLE_TIMEOUT_S,
                                "idle-timeout", KEEP_ALIVE_S,
                                "tls-database", database,
                                "user-agent", PACKAGE_NAME "/" PACKAGE_VERSION,
                                NULL);
  /* The token is the only credential; libsoup must not answer a challenge by itself. */
  soup_session_remove_feature_by_type (self->session, SOUP_TYPE_AUTH_MANAGER);
}

P2pClient *
p2p_client_new (const P2pAddress *address, const P2pPin *pin)
{
  P2pClient *self = g_object_new (P2P_TYPE_CLIENT, NULL);

  self->address = p2p_address_copy (address);
  self->pin = pin != NULL ? g_memdup2 (pin, sizeof *pin) : NULL;
  return self;
}

const P2pAddress *
p2p_client_get_address (P2pClient *self)
{
  return self->address;
}

const P2pPin *
p2p_client_get_pin (P2pClient *self)
{
  return self->pin;
}

void
p2p_client_set_token (P2pClient *self, const char *token)
{
  g_free (self->token);
  self->token = g_strdup (token);
}

const char *
p2p_client_get_token (P2pClient *self)
{
  return self->token;
}

P2pCertificate *
p2p_client_get_refused (P2pClient *self)
{
  return self->refused;
}

static bool
judge (P2pClient *self, Call *call, GTlsCertificate *certificate)
{
  call->doubt = p2p_pin_judge (self->pin, certificate, self->address,
                               g_get_real_time () / G_USEC_PER_SEC);
  if (call->doubt == 0)
    return true;
  g_clear_object (&self->refused);
  self->refused = p2p_certificate_new (certificate, self->address);
  return false;
}

static gboolean
accept_certificate_cb (G_GNUC_UNUSED SoupMessage         *msg,
                       GTlsCertificate                   *certificate,
                       G_GNUC_UNUSED GTlsCertificateFlags errors,
                       gpointer                           user_data)
{
  P2pClient *self = g_task_get_source_object (user_data);

  return judge (self, g_task_get_task_data (user_data), certificate);
}

/* Just before the head is written. A resumed TLS session asks nobody about its certificate, and
 * GLib keeps tickets for the whole process: a client with another pin would inherit one. A kept
 * connection may outlive the dates. */
static void
starting_cb (SoupMessage *msg, gpointer user_data)
{
  P2pClient *self = g_task_get_source_object (user_data);
  Call *call = g_task_get_task_data (user_data);
  GTlsCertificate *certificate = soup_message_get_tls_peer_certificate (msg);

  if (certificate == NULL)
    call->doubt = P2P_DOUBT_UNPINNED;
  if (certificate == NULL || !judge (self, call, certificate))
    g_cancellable_cancel (call->cancellable);
}

static void
outer_cancelled_cb (G_GNUC_UNUSED GCancellable *outer, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static gboolean
deadline_cb (gpointer user_data)
{
  Call *call = user_data;

  call->deadline_id = 0;
  call->timed_out = true;
  g_cancellable_cancel (call->cancellable);
  return G_SOURCE_REMOVE;
}

/* Ends the call with the sentence for what broke it. Takes error. */
static void
call_fail (GTask *task, GError *error)
{
  P2pClient *self = g_task_get_source_object (task);
  Call *call = g_task_get_task_data (task);
  g_autoptr (GError) cause = error;
  g_autofree char *text = NULL;

  if (call->doubt != 0)
    {
      text = p2p_doubt_dup_text (call->doubt, self->address);
      g_task_return_new_error (task, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_NOT_TRUSTED, "%s", text);
      return;
    }
  if (call->timed_out)
    {
      g_clear_error (&cause);
      cause = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "deadline");
    }
  if (cause->domain == P2P_CLIENT_ERROR)
    g_task_return_error (task, g_steal_pointer (&cause));
  else
    g_task_return_error (task, p2p_probe_explain (self->address, g_steal_pointer (&cause)));
}

static unsigned
retry_after_s (SoupMessage *msg)
{
  const char *value
      = soup_message_headers_get_one (soup_message_get_response_headers (msg), "Retry-After");
  guint64 seconds = 0;

  if (value == NULL || !g_ascii_string_to_unsigned (value, 10, 0, 86400, &seconds, NULL))
    return 0;
  return (unsigned) seconds;
}

static void
call_answered (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  unsigned status = soup_message_get_status (call->msg);
  g_autoptr (JsonParser) parser = NULL;
  JsonNode *root;

  if (status < 200 || status > 299)
    {
      g_task_return_error (
          task, p2p_client_error_from_problem (status, (const char *) call->answer->data,
                                               call->answer->len, retry_after_s (call->msg)));
      return;
    }
  if (call->answer->len == 0)
    {
      g_task_return_pointer (task, json_node_new (JSON_NODE_NULL),
                             (GDestroyNotify) json_node_unref);
      return;
    }
  parser = json_parser_new_immutable ();
  if (!json_parser_load_from_data (parser, (const char *) call->answer->data, call->answer->len,
                                   NULL)
      || (root = json_parser_get_root (parser)) == NULL)
    {
      call_fail (task, g_error_new_literal (
                           P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROTOCOL,
                           _ ("The server's answer is not JSON: is this a p2pstream server?")));
      return;
    }
  g_task_return_pointer (task, json_node_ref (root), (GDestroyNotify) json_node_unref);
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes
      = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  Call *call = g_task_get_task_data (task);

  if (bytes == NULL)
    {
      call_fail (task, g_steal_pointer (&error));
      return;
    }
  if (g_bytes_get_size (bytes) == 0)
    {
      call_answered (task);
      return;
    }
  if (call->answer->len + g_bytes_get_size (bytes) > ANSWER_MAX_BYTES)
    {
      call_fail (task, g_error_new_literal (P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROTOCOL,
                                            _("The server's answer is too large")));
      return;
    }
  g_byte_array_append (call->answer, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_input_stream_read_bytes_async (G_INPUT_STREAM (source), READ_BYTES, G_PRIORITY_DEFAULT,
                                   call->cancellable, read_cb, g_steal_pointer (&task));
}

static void
sent_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  Call *call = g_task_get_task_data (task);

  call->in = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  if (call->in == NULL)
    {
      call_fail (task, g_steal_pointer (&error));
      return;
    }
  g_input_stream_read_bytes_async (call->in, READ_BYTES, G_PRIORITY_DEFAULT, call->cancellable,
                                   read_cb, g_steal_pointer (&task));
}

static SoupMessage *
message_new (P2pClient *self,
             const char *method,
             const char *path,
             JsonNode *body,
             const char *if_match)
{
  g_autofree char *url = g_strconcat (self->address->url, "/api/v1", path, NULL);
  SoupMessage *msg = soup_message_new (method, url);
  SoupMessageHeaders *headers = soup_message_get_request_headers (msg);

  soup_message_add_flags (msg, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_headers_append (headers, "Accept", "application/json, application/problem+json");
  if (self->token != NULL)
    {
      g_autofree char *value = g_strconcat ("Bearer ", self->token, NULL);

      soup_message_headers_append (headers, "Authorization", value);
    }
  if (if_match != NULL)
    soup_message_headers_append (headers, "If-Match", if_match);
  if (body != NULL)
    {
      g_autofree char *text = json_to_string (body, FALSE);
      g_autoptr (GBytes) bytes = g_bytes_new_take (text, strlen (text));

      text = NULL;
      soup_message_set_request_body_from_bytes (msg, "application/json", bytes);
    }
  return msg;
}

void
p2p_client_call_async (P2pClient          *self,
                       const char         *method,
                       const char         *path,
                       JsonNode           *body,
                       const char         *if_match,
                       GCancellable       *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;
  Call *call;

  g_return_if_fail (P2P_IS_CLIENT (self));
  g_return_if_fail (path[0] == '/');

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, p2p_client_call_async);
  call = g_new0 (Call, 1);
  call->msg = message_new (self, method, path, body, if_match);
  call->answer = g_byte_array_new ();
  call->cancellable = g_cancellable_new ();
  g_set_object (&call->outer, cancellable);
  g_task_set_task_data (task, call, call_free);

  if (cancellable != NULL)
    call->outer_id = g_cancellable_connect (cancellable, G_CALLBACK (outer_cancelled_cb),
                                            g_object_ref (call->cancellable), g_object_unref);
  call->deadline_id = g_timeout_add_seconds (CALL_TIMEOUT_S, deadline_cb, call);
  g_signal_connect_object (call->msg, "accept-certificate", G_CALLBACK (accept_certificate_cb),
                           task, 0);
  g_signal_connect_object (call->msg, "starting", G_CALLBACK (starting_cb), task, 0);
  soup_session_send_async (self->session, call->msg, G_PRIORITY_DEFAULT, call->cancellable, sent_cb,
                           g_object_ref (task));
}

JsonNode *
p2p_client_call_finish (P2pClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
