/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* API tokens: for scripts and other daemons. The token itself is shown once. No state. */
#include "daemon/api/handlers.h"
#include "daemon/api/resource.h"
#include "lib/clock.h"

API_RESOURCE_ROWS (token, StoreToken)

static const ApiField fields[] = {
  API_FIELD ("id", API_INT, API_READ_ONLY, offsetof (StoreToken, id), .max = INT64_MAX),
  API_FIELD ("version", API_INT, API_READ_ONLY, offsetof (StoreToken, version), .max = INT64_MAX),
  API_FIELD ("name", API_TEXT, API_REQUIRED, offsetof (StoreToken, name), .min = 1, .max = 128,
             .check = api_check_name),
  API_FIELD ("role", API_ENUM, 0, offsetof (StoreToken, role), .words = store_role_words),
  API_FIELD ("enabled", API_BOOL, 0, offsetof (StoreToken, enabled)),
  API_FIELD ("expires_at", API_TIME, 0, offsetof (StoreToken, expires_at)),
  API_FIELD ("created_at", API_TIME, API_READ_ONLY, offsetof (StoreToken, created_at)),
  API_FIELD ("last_used_at", API_TIME, API_READ_ONLY, offsetof (StoreToken, last_used_at)),
};

static const ApiSchema schema
    = { fields, G_N_ELEMENTS (fields), token_row_new, token_row_free };

static GPtrArray *
list_rows (StoreTx *tx, ApiCall *call, int64_t after_id, unsigned limit, GError **error)
{
  (void) call;
  return store_token_list (tx, after_id, limit, error);
}

static bool
insert_row (StoreTx *tx, void *row, GError **error)
{
  return store_token_insert (tx, row, error);
}

static bool
check_row (ApiCall *call, void *row, ApiApply how, GError **error)
{
  StoreToken *token = row;

  if (how == API_PATCH)
    return true;
  if (token->expires_at != 0 && token->expires_at <= p2p_wall_ms ())
    {
      api_field_errors_add (call->errors, "expires_at", "is in the past");
      api_field_errors_set_error (call->errors, API_PROBLEM_INVALID, error);
      return false;
    }
  call->secret = auth_token_new (AUTH_TOKEN_PREFIX, token->token_sha256);
  return true;
}

static const ApiResource tokens = {
  .name = "tokens",
  .schema = &schema,
  .get = token_row_get,
  .list = list_rows,
  .insert = insert_row,
  .update = token_row_update,
  .remove = token_row_delete,
  .check = check_row,
};

API_RESOURCE_HANDLERS (tokens, tokens)
