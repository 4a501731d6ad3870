/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The way from an address to a signed-in client. One operation at a time, each with a cancellable
 * of its own, so that a late answer of a cancelled one ends in G_IO_ERROR_CANCELLED and is dropped.
 * Main thread. */
#include "gui/model/connector.h"

#include <glib/gi18n.h>

#include "client/error.h"
#include "client/probe.h"
#include "client/token-store.h"

struct _P2pConnector
{
  GObject parent_instance;

  P2pConnectorState state;
  bool busy;
  char *error;                 /* (owned) (nullable) */
  GCancellable *operation;     /* (owned) (nullable) */
  P2pProfiles *profiles;       /* (owned) */
  P2pProfile *profile;         /* (owned) (nullable) */
  P2pClient *client;           /* (owned) (nullable) */
  P2pCertificate *certificate; /* (owned) (nullable) */
  P2pUser *user;               /* (owned) (nullable) */
  int64_t setup_over_at_us;
};

G_DEFINE_FINAL_TYPE (P2pConnector, p2p_connector, G_TYPE_OBJECT)

enum
{
  SIGNAL_CHANGED,
  SIGNAL_NOTICE,
  N_SIGNALS,
};

static unsigned signals[N_SIGNALS];

static void
p2p_connector_dispose (GObject *object)
{
  P2pConnector *self = P2P_CONNECTOR (object);

  g_cancellable_cancel (self->operation);
  g_clear_object (&self->operation);
  g_clear_object (&self->profiles);
  g_clear_object (&self->profile);
  g_clear_object (&self->client);
  g_clear_object (&self->certificate);
  g_clear_pointer (&self->user, p2p_user_free);
  g_clear_pointer (&self->error, g_free);
  G_OBJECT_CLASS (p2p_connector_parent_class)->dispose (object);
}

static void
p2p_connector_class_init (P2pConnectorClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = p2p_connector_dispose;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_NOTICE] = g_signal_new ("notice", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
p2p_connector_init (G_GNUC_UNUSED P2pConnector *self)
{
}

P2pConnector *
p2p_connector_new (P2pProfiles *profiles)
{
  P2pConnector *self = g_object_new (P2P_TYPE_CONNECTOR, NULL);

  self->profiles = g_object_ref (profiles);
  return self;
}

static void
begin (P2pConnector *self)
{
  g_cancellable_cancel (self->operation);
  g_clear_object (&self->operation);
  self->operation = g_cancellable_new ();
  g_clear_pointer (&self->error, g_free);
  self->busy = true;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
enter (P2pConnector *self, P2pConnectorState state, const char *error)
{
  g_free (self->error);
  self->error = g_strdup (error);
  self->state = state;
  self->busy = false;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
notice (P2pConnector *self, const char *text)
{
  g_signal_emit (self, signals[SIGNAL_NOTICE], 0, text);
}

/* A failed call: true when it was cancelled by a newer one and is nobody's business. Otherwise the
 * person either has a certificate to look at or reads the sentence on the page given. */
static bool
fail (P2pConnector *self, const GError *error, P2pConnectorState page)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return true;
  if (g_error_matches (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_NOT_TRUSTED) &&
      p2p_client_get_refused (self->client) != NULL)
    p2p_connector_distrust (self);
  else
    enter (self, page, error->message);
  return false;
}

static void
use_client (P2pConnector *self, const P2pPin *pin)
{
  g_clear_object (&self->client);
  self->client = p2p_client_new (p2p_profile_get_address (self->profile), pin);
}

static void
save_profile (P2pConnector *self)
{
  g_autoptr (GError) error = NULL;

  if (!p2p_profiles_save (self->profiles, self->profile, &error))
    notice (self, error->message);
}

static void
me_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pConnector) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (P2pUser) user = p2p_client_get_me_finish (P2P_CLIENT (source), result, &error);

  if (user == NULL && p2p_client_error_get_status (error) == 401)
    {
      /* The token that was kept is over; a person need not read about it. */
      p2p_client_set_token (self->client, NULL);
      p2p_token_store_forget (p2p_profile_get_address (self->profile));
      enter (self, P2P_CONNECTOR_LOGIN, NULL);
      return;
    }
  if (user == NULL)
    {
      fail (self, error, P2P_CONNECTOR_IDLE);
      return;
    }
  g_clear_pointer (&self->user, p2p_user_free);
  self->user = g_steal_pointer (&user);
  save_profile (self);
  enter (self, P2P_CONNECTOR_READY, NULL);
}

static void
token_loaded_cb (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pConnector) self = user_data;
  g_autoptr (GError) error = NULL;
  char *token = p2p_token_store_load_finish (result, &error);

  /* No Secret Service means no token; signing in tells about it. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (token == NULL)
    {
      enter (self, P2P_CONNECTOR_LOGIN, NULL);
      return;
    }
  p2p_client_set_token (self->client, token);
  p2p_token_free (token);
  p2p_client_get_me_async (self->client, self->operation, me_cb, g_object_ref (self));
}

static void
setup_checked_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pConnector) self = user_data;
  g_autoptr (GError) error = NULL;
  P2pSetup setup;

  if (!p2p_client_get_setup_finish (P2P_CLIENT (source), result, &setup, &error))
    {
      fail (self, error,
            self->state == P2P_CONNECTOR_SETUP ? P2P_CONNECTOR_SETUP : P2P_CONNECTOR_IDLE);
      return;
    }
  self->setup_over_at_us
      = setup.window_open ? g_get_monotonic_time () + setup.seconds_left * G_USEC_PER_SEC : 0;
  if (setup.required)
    enter (self, P2P_CONNECTOR_SETUP, NULL);
  else
    p2p_token_store_load_async (p2p_profile_get_address (self->profile), self->operation,
                                token_loaded_cb, g_object_ref (self));
}

void
p2p_connector_check_setup (P2pConnector *self)
{
  begin (self);
  p2p_client_get_setup_async (self->client, self->operation, setup_checked_cb, g_object_ref (self));
}

static void
probed_cb (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pConnector) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (P2pCertificate) certificate = p2p_probe_finish (result, &error);

  if (certificate == NULL)
    {
      fail (self, error, P2P_CONNECTOR_IDLE);
      return;
    }
  g_set_object (&self->certificate, certificate);
  enter (self, P2P_CONNECTOR_UNTRUSTED, NULL);
}

void
p2p_connector_connect (P2pConnector *self, const P2pAddress *address)
{
  P2pProfile *known = p2p_profiles_find (self->profiles, address);
  g_autoptr (P2pProfile) profile = known != NULL ? g_object_ref (known) : p2p_profile_new (address);

  begin (self);
  g_set_object (&self->profile, profile);
  use_client (self, p2p_profile_get_pin (profile));
  if (p2p_profile_get_pin (profile) == NULL)
    p2p_probe_async (address, self->operation, probed_cb, g_object_ref (self));
  else
    p2p_client_get_setup_async (self->client, self->operation, setup_checked_cb,
                                g_object_ref (self));
}

void
p2p_connector_trust (P2pConnector *self)
{
  g_return_if_fail (self->state == P2P_CONNECTOR_UNTRUSTED);

  /* The page disables the button; this is for time that passed since. */
  if (p2p_certificate_judge (self->certificate, NULL) & P2P_DOUBT_LASTING)
    {
      enter (self, P2P_CONNECTOR_UNTRUSTED, NULL);
      return;
    }
  p2p_profile_set_pin (self->profile, p2p_certificate_get_pin (self->certificate));
  save_profile (self);
  use_client (self, p2p_profile_get_pin (self->profile));
  p2p_connector_check_setup (self);
}

static void
token_saved_cb (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pConnector) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!p2p_token_store_save_finish (result, &error))
    notice (
        self,
        _ ("No keyring to keep the session in: you stay signed in until you close the program"));
}

static void
signed_in (P2pConnector *self, P2pUser *user, const GError *error, P2pConnectorState page)
{
  if (user == NULL)
    {
      fail (self, error, page);
      return;
    }
  g_clear_pointer (&self->user, p2p_user_free);
  self->user = user;
  p2p_profile_set_username (self->profile, user->username);
  save_profile (self);
  p2p_token_store_save_async (p2p_profile_get_address (self->profile),
                              p2p_client_get_token (self->client), NULL, token_saved_cb,
                              g_object_ref (self));
  enter (self, P2P_CONNECTOR_READY, NULL);
}

static void
set_up_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pConnector) self = user_data;
  g_autoptr (GError) error = NULL;
  P2pUser *user = p2p_client_setup_finish (P2P_CLIENT (source), result, &error);

  if (p2p_client_error_get_status (error) == 410)
    self->setup_over_at_us = 0;
  /* 409: someone else was faster; that account can be used now. */
  if (user == NULL && p2p_client_error_get_status (error) == 409)
    enter (self, P2P_CONNECTOR_LOGIN, error->message);
  else
    signed_in (self, user, error, P2P_CONNECTOR_SETUP);
}

void
p2p_connector_set_up (P2pConnector *self,
                      const char *setup_token,
                      const char *username,
                      const char *password)
{
  begin (self);
  p2p_client_setup_async (self->client, setup_token, username, password, self->operation, set_up_cb,
                          g_object_ref (self));
}

static void
logged_in_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pConnector) self = user_data;
  g_autoptr (GError) error = NULL;
  P2pUser *user = p2p_client_login_finish (P2P_CLIENT (source), result, &error);

  signed_in (self, user, error, P2P_CONNECTOR_LOGIN);
}

void
p2p_connector_log_in (P2pConnector *self, const char *username, const char *password)
{
  begin (self);
  p2p_client_login_async (self->client, username, password, self->operation, logged_in_cb,
                          g_object_ref (self));
}

static void
logged_out_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (P2pConnector) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (p2p_client_logout_finish (P2P_CLIENT (source), result, &error)
      || p2p_client_error_get_status (error) == 401)
    return;
  text = g_strdup_printf (
      _ ("Signed out here, but the session could not be ended on the server: %s"), error->message);
  notice (self, text);
}

void
p2p_connector_sign_out (P2pConnector *self)
{
  p2p_client_logout_async (self->client, NULL, logged_out_cb, g_object_ref (self));
  p2p_token_store_forget (p2p_profile_get_address (self->profile));
  g_clear_pointer (&self->user, p2p_user_free);
  enter (self, P2P_CONNECTOR_LOGIN, NULL);
}

void
p2p_connector_disconnect (P2pConnector *self)
{
  g_cancellable_cancel (self->operation);
  g_clear_object (&self->operation);
  g_clear_object (&self->profile);
  g_clear_object (&self->client);
  g_clear_object (&self->certificate);
  g_clear_pointer (&self->user, p2p_user_free);
  enter (self, P2P_CONNECTOR_IDLE, NULL);
}

void
p2p_connector_session_ended (P2pConnector *self)
{
  p2p_client_set_token (self->client, NULL);
  p2p_token_store_forget (p2p_profile_get_address (self->profile));
  g_clear_pointer (&self->user, p2p_user_free);
  enter (self, P2P_CONNECTOR_LOGIN, _("The session has ended: sign in again"));
}

void
p2p_connector_distrust (P2pConnector *self)
{
  g_set_object (&self->certificate, p2p_client_get_refused (self->client));
  enter (self, P2P_CONNECTOR_UNTRUSTED, NULL);
}

P2pConnectorState
p2p_connector_get_state (P2pConnector *self)
{
  return self->state;
}

bool
p2p_connector_get_busy (P2pConnector *self)
{
  return self->busy;
}

const char *
p2p_connector_get_error (P2pConnector *self)
{
  return self->error;
}

P2pProfiles *
p2p_connector_get_profiles (P2pConnector *self)
{
  return self->profiles;
}

P2pProfile *
p2p_connector_get_profile (P2pConnector *self)
{
  return self->profile;
}

P2pClient *
p2p_connector_get_client (P2pConnector *self)
{
  return self->client;
}

P2pCertificate *
p2p_connector_get_certificate (P2pConnector *self)
{
  return self->certificate;
}

const P2pUser *
p2p_connector_get_user (P2pConnector *self)
{
  return self->user;
}

int64_t
p2p_connector_get_setup_over_at_us (P2pConnector *self)
{
  return self->setup_over_at_us;
}
