/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A server that a person has used. Main thread. */
#include "client/profile.h"

#include "client/json.h"

struct _P2pProfile
{
  GObject parent_instance;

  P2pAddress *address; /* (owned) */
  char *name;          /* (owned) */
  char *username;      /* (owned) */
  P2pPin pin;
  bool pinned;
  JsonObject *rest; /* (owned) (nullable) as read: what a newer version wrote is written back */
};

G_DEFINE_FINAL_TYPE (P2pProfile, p2p_profile, G_TYPE_OBJECT)

enum
{
  SIGNAL_CHANGED,
  N_SIGNALS,
};

static unsigned signals[N_SIGNALS];

static void
p2p_profile_finalize (GObject *object)
{
  P2pProfile *self = P2P_PROFILE (object);

  p2p_address_free (self->address);
  g_free (self->name);
  g_free (self->username);
  g_clear_pointer (&self->rest, json_object_unref);
  G_OBJECT_CLASS (p2p_profile_parent_class)->finalize (object);
}

static void
p2p_profile_class_init (P2pProfileClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = p2p_profile_finalize;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
p2p_profile_init (P2pProfile *self)
{
  self->username = g_strdup ("");
}

P2pProfile *
p2p_profile_new (const P2pAddress *address)
{
  P2pProfile *self = g_object_new (P2P_TYPE_PROFILE, NULL);

  self->address = p2p_address_copy (address);
  self->name = p2p_address_dup_display (address);
  return self;
}

P2pProfile *
p2p_profile_new_from_json (JsonObject *members)
{
  g_autoptr (P2pAddress) address = p2p_address_parse (p2p_json_str (members, "url", ""), NULL);
  const char *name = p2p_json_str (members, "name", "");
  P2pProfile *self;

  if (address == NULL)
    return NULL;
  self = p2p_profile_new (address);
  if (*name != '\0')
    {
      g_free (self->name);
      self->name = g_strdup (name);
    }
  p2p_profile_set_username (self, p2p_json_str (members, "username", ""));
  self->pinned = p2p_pin_parse (p2p_json_str (members, "pin_sha256", ""), &self->pin);
  self->rest = json_object_ref (members);
  return self;
}

JsonObject *
p2p_profile_to_json (P2pProfile *self)
{
  g_autofree char *pin = self->pinned ? p2p_pin_dup_hex (&self->pin) : NULL;
  JsonObject *members = json_object_new ();

  if (self->rest != NULL)
    {
      JsonObjectIter iter;
      const char *name;
      JsonNode *node;

      json_object_iter_init (&iter, self->rest);
      while (json_object_iter_next (&iter, &name, &node))
        json_object_set_member (members, name, json_node_copy (node));
    }
  json_object_set_string_member (members, "name", self->name);
  json_object_set_string_member (members, "url", self->address->url);
  json_object_set_string_member (members, "username", self->username);
  if (pin != NULL)
    json_object_set_string_member (members, "pin_sha256", pin);
  else
    json_object_remove_member (members, "pin_sha256");
  return members;
}

const P2pAddress *
p2p_profile_get_address (P2pProfile *self)
{
  return self->address;
}

const char *
p2p_profile_get_name (P2pProfile *self)
{
  return self->name;
}

const char *
p2p_profile_get_username (P2pProfile *self)
{
  return self->username;
}

void
p2p_profile_set_username (P2pProfile *self, const char *username)
{
  char *copy = g_strdup (username); /* before the free: it may be our own */

  g_free (self->username);
  self->username = copy;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

const P2pPin *
p2p_profile_get_pin (P2pProfile *self)
{
  return self->pinned ? &self->pin : NULL;
}

void
p2p_profile_set_pin (P2pProfile *self, const P2pPin *pin)
{
  self->pinned = pin != NULL;
  if (pin != NULL)
    self->pin = *pin;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}
