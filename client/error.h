/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a call of the management API can fail with. A failure that the server told by a problem
 * document keeps the server's own sentence as message, and its status and problem type beside it
 * for programs. Main thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum
{
  P2P_CLIENT_ERROR_ADDRESS,     /* what was typed is not the address of a server */
  P2P_CLIENT_ERROR_UNREACHABLE, /* no connection, or it broke */
  P2P_CLIENT_ERROR_TIMEOUT,
  P2P_CLIENT_ERROR_NOT_TRUSTED, /* pin, name or dates of the certificate; nothing was sent */
  P2P_CLIENT_ERROR_PROTOCOL,    /* the answer is not what the API promises */
  P2P_CLIENT_ERROR_PROBLEM,     /* the server refused: see p2p_client_error_get_status () */
  P2P_CLIENT_ERROR_FILE,        /* the file of profiles and pins */
} P2pClientError;

#define P2P_CLIENT_ERROR (p2p_client_error_quark ())
GQuark p2p_client_error_quark (void);

/* Reads a problem document (RFC 9457); body need not be one: a bare status still gives a sentence.
 */
GError *p2p_client_error_from_problem (unsigned    status,
                                       const char *body,
                                       size_t      n_bytes,
                                       unsigned    retry_after_s);

/* The HTTP status of a problem; 0 when the error is another one. */
unsigned p2p_client_error_get_status (const GError *error);

/* The word behind "urn:p2pstream:problem:", or NULL; borrowed from the error. */
const char *p2p_client_error_get_problem (const GError *error);

/* Seconds after which the server wants to be asked again; 0 when it did not say. */
unsigned p2p_client_error_get_retry_after (const GError *error);
