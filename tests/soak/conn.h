/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A client's connection in the soak, plain or TLS, and the answers on it: written apart from lib/,
 * so that a fault there is not believed here. One thread owns a connection. Every call ends after
 * SOAK_TIMEOUT_S without a byte. */
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SOAK_TIMEOUT_S 40

typedef enum
{
  SOAK_OK,
  SOAK_END,   /* the connection ended before the first byte */
  SOAK_CUT,   /* it ended, or was reset, in the midst */
  SOAK_LATE,  /* nothing came in time */
  SOAK_WRONG, /* what came is no HTTP, or another's: conn->fault */
} SoakResult;

typedef struct
{
  int fd;               /* (owned) */
  gnutls_session_t tls; /* (owned) (nullable) */
  char bytes[16384];    /* read and not used: n from begin on */
  size_t begin, n;
  bool late;
  char fault[200];
} SoakConn;

typedef struct
{
  int status;
  bool has_id, closes, chunked;
  uint64_t id;  /* X-Id */
  int64_t left; /* bytes of the body, or of the chunk; -1: until the end of the connection */
  bool first_chunk, over;
} SoakAnswer;

/* tls_name: the SNI, for which the certificate has to stand; NULL for plain HTTP. credentials:
 * (borrowed), for all. */
SoakResult soak_conn_open (SoakConn *conn,
                           unsigned port,
                           const char *tls_name,
                           gnutls_certificate_credentials_t credentials);

/* reset: without a farewell. */
void soak_conn_close (SoakConn *conn, bool reset);

/* false: the connection is broken; what was answered before can still be read. */
bool soak_conn_send (SoakConn *conn, const char *bytes, size_t n);

/* Exactly n bytes, after an upgrade. */
SoakResult soak_conn_read (SoakConn *conn, char *bytes, size_t n);

/* The head of the next answer that is not 1xx but 101. head: the request was a HEAD. */
SoakResult soak_answer_begin (SoakConn *conn, bool head, SoakAnswer *ret_answer);

/* Some bytes of the body into *ret_n, at most n; SOAK_END when it is over. */
SoakResult
soak_answer_read (SoakConn *conn, SoakAnswer *answer, char *bytes, size_t n, size_t *ret_n);
