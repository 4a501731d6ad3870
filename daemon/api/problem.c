/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Problem documents, and the one mapping from errors of other rooms to them. Any thread; no state.
 */
#include "daemon/api/problem.h"

#include "daemon/config/change.h"
#include "daemon/proxy/proxy.h"
#include "daemon/store/store.h"

#include <stdarg.h>
#include <string.h>

#define ERRORS_MAX                                                                                 \
  50 /* a body may have thousands of bad members; the first ones are enough to go on */

G_DEFINE_QUARK (api-error-quark, api_error)

static const struct
{
  const char *word;
  unsigned status;
  const char *title;
} problems[] = {
#define API_PROBLEM(id, word, status, title) [API_PROBLEM_##id] = { word, status, title },
#include "daemon/api/problems.inc"
#undef API_PROBLEM
};

typedef struct
{
  char *field;
  char *message;
} FieldError;

struct ApiFieldErrors
{
  GArray *rows; /* (owned) of FieldError */
};

unsigned
api_problem_status (ApiProblem problem)
{
  return problems[problem].status;
}

const char *
api_problem_word (ApiProblem problem)
{
  return problems[problem].word;
}

static void
field_error_clear (void *data)
{
  FieldError *row = data;

  g_free (row->field);
  g_free (row->message);
}

ApiFieldErrors *
api_field_errors_new (void)
{
  ApiFieldErrors *errors = g_new0 (ApiFieldErrors, 1);

  errors->rows = g_array_new (false, false, sizeof (FieldError));
  g_array_set_clear_func (errors->rows, field_error_clear);
  return errors;
}

void
api_field_errors_free (ApiFieldErrors *errors)
{
  if (!errors)
    return;
  g_array_unref (errors->rows);
  g_free (errors);
}

void
api_field_errors_add (ApiFieldErrors *errors, const char *field, const char *format, ...)
{
  FieldError row;
  va_list args;

  if (errors->rows->len >= ERRORS_MAX)
    return;
  row.field = g_strdup (field);
  va_start (args, format);
  row.message = g_strdup_vprintf (format, args);
  va_end (args);
  g_array_append_val (errors->rows, row);
}

unsigned
api_field_errors_count (const ApiFieldErrors *errors)
{
  return errors->rows->len;
}

void
api_field_errors_move (ApiFieldErrors *errors, ApiFieldErrors *from)
{
  g_array_append_vals (errors->rows, from->rows->data, from->rows->len);
  /* The strings went along: they must not be freed with the rows. */
  memset (from->rows->data, 0, from->rows->len * sizeof (FieldError));
  g_array_set_size (from->rows, 0);
}

void
api_field_errors_set_error (const ApiFieldErrors *errors, ApiProblem problem, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert (errors->rows->len > 0);
  for (unsigned i = 0; i < errors->rows->len; i++)
    {
      const FieldError *row = &g_array_index (errors->rows, FieldError, i);

      g_string_append_printf (text, "%s'%s': %s", i ? "; " : "", row->field, row->message);
    }
  g_set_error_literal (error, API_ERROR, (int) problem, text->str);
}

static void
add_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_errors (JsonBuilder *builder, const ApiFieldErrors *errors)
{
  json_builder_set_member_name (builder, "errors");
  json_builder_begin_array (builder);
  for (unsigned i = 0; errors && i < errors->rows->len; i++)
    {
      const FieldError *row = &g_array_index (errors->rows, FieldError, i);

      json_builder_begin_object (builder);
      add_string (builder, "field", row->field);
      add_string (builder, "message", row->message);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
}

char *
api_problem_to_text (const GError *error, const char *request_id, const ApiFieldErrors *errors)
{
  ApiProblem problem = api_problem_from_error (error);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *type = g_strconcat ("urn:p2pstream:problem:", problems[problem].word, NULL);
  /* What a caller sent stands in some texts: it was checked for UTF-8 by then, but texts of
   * libraries were not. */
  g_autofree char *detail = g_utf8_make_valid (error->message, -1);

  json_builder_begin_object (builder);
  add_string (builder, "type", type);
  add_string (builder, "title", problems[problem].title);
  json_builder_set_member_name (builder, "status");
  json_builder_add_int_value (builder, problems[problem].status);
  add_string (builder, "detail", detail);
  add_string (builder, "request_id", request_id);
  add_errors (builder, errors);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  return json_to_string (root, false);
}

static ApiProblem
problem_from_store (StoreError code, const char *field)
{
  switch (code)
    {
    case STORE_ERROR_NOT_FOUND:
      return API_PROBLEM_NOT_FOUND;
    case STORE_ERROR_CONFLICT:
      return field ? API_PROBLEM_NAME_TAKEN : API_PROBLEM_IN_USE;
    case STORE_ERROR_REFERENCE:
      return API_PROBLEM_INVALID;
    case STORE_ERROR_STALE:
      return API_PROBLEM_CHANGED;
    case STORE_ERROR_BUSY:
    case STORE_ERROR_READONLY:
      return API_PROBLEM_UNAVAILABLE;
    case STORE_ERROR_FULL:
      return API_PROBLEM_STORAGE_FULL;
    case STORE_ERROR_CORRUPT:
    case STORE_ERROR_NEWER:
    case STORE_ERROR_INTERNAL:
      break;
    }
  return API_PROBLEM_INTERNAL;
}

ApiProblem
api_problem_from_error (const GError *error)
{
  if (error->domain == API_ERROR)
    return (ApiProblem) error->code;
  if (error->domain == STORE_ERROR)
    return problem_from_store ((StoreError) error->code, store_error_get_field (error));
  if (g_error_matches (error, CONFIG_ERROR, CONFIG_ERROR_INVALID))
    return API_PROBLEM_INVALID;
  if (g_error_matches (error, CONFIG_ERROR, CONFIG_ERROR_CONFLICT))
    return API_PROBLEM_CONFLICT;
  if (g_error_matches (error, PROXY_ERROR, PROXY_ERROR_NOT_FOUND))
    return API_PROBLEM_NOT_FOUND;
  if (g_error_matches (error, PROXY_ERROR, PROXY_ERROR_BIND))
    return API_PROBLEM_CONFLICT;
  return API_PROBLEM_INTERNAL;
}

void
api_field_errors_add_cause (ApiFieldErrors *errors, const GError *error)
{
  const char *field = NULL;

  if (api_field_errors_count (errors) > 0)
    return;
  if (error->domain == STORE_ERROR)
    field = store_error_get_field (error);
  else if (error->domain == CONFIG_ERROR)
    field = config_error_get_field (error);
  if (field)
    api_field_errors_add (errors, field, "%s", error->message);
}
