/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Errors of the API client, and problem documents. Main thread; no state of its own. */
#include "client/error.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>

#include "client/json.h"

#define PROBLEM_URN "urn:p2pstream:problem:"

typedef struct
{
  unsigned status;
  unsigned retry_after_s;
  char *problem; /* (owned) (nullable) */
} P2pClientErrorPrivate;

static void
p2p_client_error_private_init (P2pClientErrorPrivate *priv)
{
  *priv = (P2pClientErrorPrivate) { 0 };
}

static void
p2p_client_error_private_copy (const P2pClientErrorPrivate *src, P2pClientErrorPrivate *dest)
{
  *dest = *src;
  dest->problem = g_strdup (src->problem);
}

static void
p2p_client_error_private_clear (P2pClientErrorPrivate *priv)
{
  g_free (priv->problem);
}

G_DEFINE_EXTENDED_ERROR (P2pClientError, p2p_client_error)

/* The sentence for people: the detail; without one the first field's message; without any, the
 * title. */
static char *
problem_text (JsonObject *problem)
{
  const char *detail = p2p_json_str (problem, "detail", "");
  JsonArray *errors = p2p_json_array (problem, "errors");
  const char *title = p2p_json_str (problem, "title", "");

  if (*detail != '\0')
    return g_strdup (detail);
  if (errors != NULL && json_array_get_length (errors) > 0)
    {
      JsonObject *first = p2p_json_array_object (errors, 0);

      if (first != NULL)
        return g_strdup_printf ("%s: %s", p2p_json_str (first, "field", "?"),
                                p2p_json_str (first, "message", ""));
    }
  return *title != '\0' ? g_strdup (title) : NULL;
}

GError *
p2p_client_error_from_problem (unsigned    status,
                               const char *body,
                               size_t      n_bytes,
                               unsigned    retry_after_s)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *text = NULL;
  const char *type = "";
  JsonObject *problem = NULL;
  P2pClientErrorPrivate *priv;
  GError *error;

  if (n_bytes > 0 && json_parser_load_from_data (parser, body, (gssize) n_bytes, NULL))
    problem = p2p_json_node_object (json_parser_get_root (parser));
  if (problem != NULL)
    {
      text = problem_text (problem);
      type = p2p_json_str (problem, "type", "");
    }
  if (text == NULL)
    text = g_strdup_printf (_("the server answered with HTTP status %u"), status);

  error = g_error_new_literal (P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROBLEM, text);
  priv = p2p_client_error_get_private (error);
  priv->status = status;
  priv->retry_after_s = retry_after_s;
  if (g_str_has_prefix (type, PROBLEM_URN))
    priv->problem = g_strdup (type + strlen (PROBLEM_URN));
  return error;
}

unsigned
p2p_client_error_get_status (const GError *error)
{
  if (!g_error_matches (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROBLEM))
    return 0;
  return p2p_client_error_get_private (error)->status;
}

const char *
p2p_client_error_get_problem (const GError *error)
{
  if (!g_error_matches (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROBLEM))
    return NULL;
  return p2p_client_error_get_private (error)->problem;
}

unsigned
p2p_client_error_get_retry_after (const GError *error)
{
  if (!g_error_matches (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_PROBLEM))
    return 0;
  return p2p_client_error_get_private (error)->retry_after_s;
}
