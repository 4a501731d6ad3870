/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A client of the soak, its requests, and what all of them have seen. A Client belongs to its
 * thread; the counters are shared and atomic. */
#pragma once

#include "tests/soak/conn.h"

#include <glib.h>
#include <stdatomic.h>

#define SOAK_PIECE 8192

typedef struct
{
  const char *name;
  bool good, fails_on_purpose;
} Host;

/* What was seen: text of the summary, counter. */
#define SOAK_COUNTERS(X)                                                                           \
  X (sessions)                                                                                     \
  X (answers)                                                                                      \
  X (s200) X (s500) X (s502) X (s503) X (s504) X (cut) X (bytes) X (handshakes) X (uploads)        \
      X (upload_bytes) X (websockets) X (messages) X (slow) X (left_early) X (pipelined) X (wrong)
typedef struct
{
#define COUNTER(name) _Atomic uint64_t name;
  SOAK_COUNTERS (COUNTER)
#undef COUNTER
} Seen;

extern Seen seen;

/* Where, and until when: set before the first client lives, but for over. */
typedef struct
{
  unsigned ports[2];
  gnutls_certificate_credentials_t credentials; /* (owned: main) */
  atomic_bool over;
} Soak;

extern Soak soak;

typedef struct
{
  SoakConn conn;
  GRand *chance; /* (owned) */
  const Host *host;
  bool tls;
  uint64_t next_id;
} Client;

/* One request of a session. */
typedef struct
{
  const char *method, *verb;
  uint64_t id, size;
  bool closes, chunked;
} Ask;

/* --- lots --- */

unsigned client_pick (Client *client, unsigned n);
uint64_t client_pick_size (Client *client);
void client_pause (unsigned ms);

/* --- requests --- */

Ask ask_make (Client *client);
/* fields: more lines of its head. */
bool ask_send (Client *client, const Ask *ask, const char *fields);

/* Those below look whether what came may be, and report what may not; false: the session is over.
 */
bool ask_read_head (Client *client, const Ask *ask, SoakAnswer *ret_answer);
/* n bytes of the body, from offset on. */
bool ask_check_bytes (Client *client, const Ask *ask, const char *bytes, size_t n, uint64_t offset);
/* The rest of the body; slow: with pauses behind so many pieces. */
bool ask_read_body (Client *client, const Ask *ask, SoakAnswer *answer, unsigned slow);
bool ask_take_answer (Client *client, const Ask *ask, unsigned slow);
/* A body that ended early: allowed where a target may fail. Always false. */
bool ask_body_failed (Client *client, const Ask *ask, SoakResult result);

const char *client_result_text (const SoakConn *conn, SoakResult result);
void client_wrong (const Client *client, const Ask *ask, const char *what);

/* --- sessions --- */

/* One session of some kind, with some host. */
void client_live (Client *client);
