/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The file of servers and pins. Written as a whole by rename, mode 0600, under a lock file that
 * both programs take. Main thread. */
#include "client/profiles.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>

#include "client/error.h"
#include "client/json.h"
#include "lib/fd.h"

struct _P2pProfiles
{
  GObject parent_instance;

  char *path;       /* (owned) */
  GPtrArray *items; /* (owned) P2pProfile */
};

static GType
p2p_profiles_get_item_type (G_GNUC_UNUSED GListModel *model)
{
  return P2P_TYPE_PROFILE;
}

static guint
p2p_profiles_get_n_items (GListModel *model)
{
  return P2P_PROFILES (model)->items->len;
}

static gpointer
p2p_profiles_get_item (GListModel *model, guint position)
{
  P2pProfiles *self = P2P_PROFILES (model);

  return position < self->items->len ? g_object_ref (g_ptr_array_index (self->items, position))
                                     : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = p2p_profiles_get_item_type;
  iface->get_n_items = p2p_profiles_get_n_items;
  iface->get_item = p2p_profiles_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (P2pProfiles, p2p_profiles, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

static void
p2p_profiles_finalize (GObject *object)
{
  P2pProfiles *self = P2P_PROFILES (object);

  g_free (self->path);
  g_ptr_array_unref (self->items);
  G_OBJECT_CLASS (p2p_profiles_parent_class)->finalize (object);
}

static void
p2p_profiles_class_init (P2pProfilesClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = p2p_profiles_finalize;
}

static void
p2p_profiles_init (P2pProfiles *self)
{
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
}

P2pProfiles *
p2p_profiles_new (const char *path)
{
  P2pProfiles *self = g_object_new (P2P_TYPE_PROFILES, NULL);

  self->path = path != NULL ? g_strdup (path)
                            : g_build_filename (g_get_user_config_dir (), "p2pstream",
                                                "profiles.json", NULL);
  return self;
}

static void
set_file_error (P2pProfiles *self, const char *reason, GError **error)
{
  g_set_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_FILE, "%s: %s", self->path, reason);
}

static GPtrArray *
read_file (P2pProfiles *self, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) cause = NULL;
  g_autofree char *text = NULL;
  size_t n_bytes = 0;
  JsonArray *profiles;

  if (!g_file_get_contents (self->path, &text, &n_bytes, &cause))
    {
      if (g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return g_steal_pointer (&items);
      set_file_error (self, cause->message, error);
      return NULL;
    }
  if (!json_parser_load_from_data (parser, text, (gssize) n_bytes, &cause))
    {
      set_file_error (self, cause->message, error);
      return NULL;
    }
  profiles = p2p_json_array (p2p_json_node_object (json_parser_get_root (parser)), "profiles");
  for (unsigned i = 0; profiles != NULL && i < json_array_get_length (profiles); i++)
    {
      P2pProfile *profile = p2p_profile_new_from_json (p2p_json_array_object (profiles, i));

      if (profile != NULL)
        g_ptr_array_add (items, profile);
    }
  return g_steal_pointer (&items);
}

static void
take_items (P2pProfiles *self, GPtrArray *items)
{
  g_autoptr (GPtrArray) old = self->items;

  self->items = items;
  g_list_model_items_changed (G_LIST_MODEL (self), 0, old->len, items->len);
}

bool
p2p_profiles_load (P2pProfiles *self, GError **error)
{
  GPtrArray *items = read_file (self, error);

  if (items == NULL)
    return false;
  take_items (self, items);
  return true;
}

static bool
find_index (GPtrArray *items, const P2pAddress *address, unsigned *ret_index)
{
  for (unsigned i = 0; i < items->len; i++)
    if (strcmp (p2p_profile_get_address (g_ptr_array_index (items, i))->url, address->url) == 0)
      {
        *ret_index = i;
        return true;
      }
  return false;
}

P2pProfile *
p2p_profiles_find (P2pProfiles *self, const P2pAddress *address)
{
  unsigned at;

  return find_index (self->items, address, &at) ? g_ptr_array_index (self->items, at) : NULL;
}

static bool
write_file (P2pProfiles *self, GPtrArray *items, GError **error)
{
  g_autoptr (JsonObject) root = json_object_new ();
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), root);
  g_autoptr (GError) cause = NULL;
  g_autofree char *text = NULL;
  JsonArray *profiles = json_array_new ();

  for (unsigned i = 0; i < items->len; i++)
    json_array_add_object_element (profiles, p2p_profile_to_json (g_ptr_array_index (items, i)));
  json_object_set_array_member (root, "profiles", profiles);
  text = json_to_string (node, TRUE);
  if (!g_file_set_contents_full (self->path, text, -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                 &cause))
    {
      set_file_error (self, cause->message, error);
      return false;
    }
  return true;
}

/* The other program holds the lock for one small write, so waiting for it here is no wait a person
 * sees. */
static int
lock_file (P2pProfiles *self, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (self->path);
  g_autofree char *path = g_strconcat (self->path, ".lock", NULL);
  int fd = -1;

  if (g_mkdir_with_parents (folder, 0700) == 0)
    fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || flock (fd, LOCK_EX) != 0)
    {
      set_file_error (self, g_strerror (errno), error);
      p2p_fd_close (&fd);
    }
  return fd;
}

/* Read, change, write under the lock. profile NULL removes the server at address. */
static bool
change (P2pProfiles *self, const P2pAddress *address, P2pProfile *profile, GError **error)
{
  p2p_autofd lock = lock_file (self, error);
  g_autoptr (GPtrArray) items = NULL;
  unsigned at;

  if (lock < 0)
    return false;
  items = read_file (self, error);
  if (items == NULL)
    return false;
  if (find_index (items, address, &at))
    g_ptr_array_remove_index (items, at);
  if (profile != NULL)
    g_ptr_array_insert (items, 0, g_object_ref (profile));
  if (!write_file (self, items, error))
    return false;
  take_items (self, g_steal_pointer (&items));
  return true;
}

bool
p2p_profiles_save (P2pProfiles *self, P2pProfile *profile, GError **error)
{
  return change (self, p2p_profile_get_address (profile), profile, error);
}

bool
p2p_profiles_remove (P2pProfiles *self, const P2pAddress *address, GError **error)
{
  g_autoptr (P2pAddress) copy = p2p_address_copy (address); /* the profile that owns it may go */

  return change (self, copy, NULL, error);
}
