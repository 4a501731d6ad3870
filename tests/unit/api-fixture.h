/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The API without a socket, on a store of its own: calls go straight to api_handle (). The proxy
 * and the agents are played by fakes that note what they were told. One thread, unless a test says
 * otherwise. */
#pragma once

#include "daemon/agents/agents.h"
#include "daemon/api/call.h"

#define FIXTURE_PUBLIC_URL "https://admin.test:8081"
#define FIXTURE_PASSWORD "correct horse battery"

typedef struct
{
  char *dir; /* (owned) */
  char *setup_token_file; /* (owned) */
  Store *store; /* (owned) */
  /* Tokens of an admin, an operator and a viewer, and of the admin's session; by StoreRole. (owned)
   */
  char *tokens[3];
  char *session;
} ApiFixture;

/* The store and the configuration alone. */
void api_fixture_open_store (ApiFixture *fixture);
void api_fixture_close_store (ApiFixture *fixture);
/* Without users: the setup token is there. */
void api_fixture_init_empty (ApiFixture *fixture, const void *data);
/* With the user "admin" and a token for each role. */
void api_fixture_init (ApiFixture *fixture, const void *data);
/* As api_fixture_init (), with listener 1. */
void api_fixture_init_listener (ApiFixture *fixture, const void *data);
void api_fixture_done (ApiFixture *fixture, const void *data);

char *api_fixture_dup_setup_token (ApiFixture *fixture);
/* Rows of the audit, up to 1000. */
unsigned api_fixture_count_audit (ApiFixture *fixture);
/* For POST /login; g_free (). */
char *api_login_body (const char *username, const char *password);

typedef struct
{
  unsigned status;
  char *fields;     /* (owned) */
  char *text;       /* (owned) "" when there is no body */
  JsonNode *root;   /* (owned) (nullable) */
  JsonObject *json; /* (borrowed: root) (nullable) */
} Reply;

void reply_clear (Reply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reply, reply_clear)

/* target: path and query. bearer and body are (nullable). */
Reply api_call (const char *method, const char *target, const char *bearer, const char *body);
/* With anything else set in input (method, path, query and body are taken from the arguments). */
Reply api_call_with (ApiInput input, const char *method, const char *target, const char *body);

/* The value of a header field of the reply, or NULL; g_free (). */
char *reply_dup_field (const Reply *reply, const char *name);
/* The word of the problem's type, or "". */
const char *reply_problem (const Reply *reply);
/* Whether errors has an entry for the field. */
bool reply_has_error (const Reply *reply, const char *field);
int64_t reply_id (const Reply *reply);
/* Of an object in a collection; g_free (). */
char *api_object_path (const char *collection, int64_t id);

#define assert_reply(reply, wanted)                                                                \
  G_STMT_START                                                                                     \
  {                                                                                                \
    if ((reply).status != (wanted))                                                                \
      g_test_message ("%s", (reply).text);                                                         \
    g_assert_cmpuint ((reply).status, ==, (wanted));                                               \
  }                                                                                                \
  G_STMT_END

/* What the fakes were told last; "" at first. */
extern char api_fake_heard[256];
/* What the fake of the agents' room tells of any agent: offline at first. */
extern AgentStatus api_fake_status;
/* And what any agent reported. */
extern AgentReportPoint api_fake_reports[4];
extern unsigned api_fake_n_reports;
/* Whether it wants client certificates, and whom it lets in. */
extern bool api_fake_certificates;
#define FAKE_AGENT_ID "agent-one"
#define FAKE_AGENT_TOKEN "p2pag_of-agent-one"
