/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Problem documents (RFC 9457): the only form in which the API says no. Handlers set a GError of
 * the domain API_ERROR, whose codes are the problem types, or pass on one of another room; the
 * mapping from those to problems, and so to HTTP statuses, is api_problem_from_error () and nowhere
 * else. Any thread. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

typedef enum
{
#define API_PROBLEM(id, word, status, title) API_PROBLEM_##id,
#include "daemon/api/problems.inc"
#undef API_PROBLEM
  API_PROBLEM_N
} ApiProblem;

#define API_ERROR (api_error_quark ())
GQuark api_error_quark (void);

unsigned api_problem_status (ApiProblem problem);
/* Without the "urn:p2pstream:problem:". */
const char *api_problem_word (ApiProblem problem);

ApiProblem api_problem_from_error (const GError *error);

/* What is wrong with which member: the "errors" of a problem document. */
typedef struct ApiFieldErrors ApiFieldErrors;
ApiFieldErrors *api_field_errors_new (void);
void api_field_errors_free (ApiFieldErrors *errors);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ApiFieldErrors, api_field_errors_free)
void api_field_errors_add (ApiFieldErrors *errors, const char *field, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
unsigned api_field_errors_count (const ApiFieldErrors *errors);
/* Moves what from has to the end of errors. */
void api_field_errors_move (ApiFieldErrors *errors, ApiFieldErrors *from);
/* If nothing stands there yet: the member that an error of another room is about. */
void api_field_errors_add_cause (ApiFieldErrors *errors, const GError *error);
/* Sets an API_ERROR whose text names the fields; the problem is one of 400 or 422. */
void api_field_errors_set_error (const ApiFieldErrors *errors, ApiProblem problem, GError **error);

/* The document as text; g_free (). errors is (nullable). */
char *api_problem_to_text (const GError *error,
                           const char *request_id,
                           const ApiFieldErrors *errors);
