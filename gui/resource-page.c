/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The list of one kind: store -> sort -> filter -> selection -> list view. The objects in the store
 * stay the same through every refresh, so selection, focus and scrolling do too. Main thread. */
#include "gui/resource-page.h"

#include <glib/gi18n.h>
#include <string.h>

struct _P2pResourcePage
{
  AdwBin parent_instance;

  const P2pKind *kind;      /* static */
  P2pServer *server;        /* (owned) */
  char *needle;             /* (owned) (nullable) case folded */
  GtkSorter *sorter;        /* (owned) */
  GtkFilter *filter;        /* (owned) */
  GListModel *shown;        /* (owned) */

  GtkSearchBar *search_bar; /* template children are borrowed */
  GtkSearchEntry *search_entry;
  GtkStack *pages;
  GtkSpinner *spinner;
  AdwStatusPage *failed;
  AdwStatusPage *empty;
  GtkListView *list;
};

G_DEFINE_FINAL_TYPE (P2pResourcePage, p2p_resource_page, ADW_TYPE_BIN)

static int
compare_cb (gconstpointer a, gconstpointer b, gpointer user_data)
{
  P2pResourcePage *self = user_data;

  return self->kind->compare (P2P_RESOURCE ((gpointer) a), P2P_RESOURCE ((gpointer) b));
}

static gboolean
match_cb (gpointer item, gpointer user_data)
{
  P2pResourcePage *self = user_data;
  g_autofree char *more = NULL;
  g_autofree char *text = NULL;
  g_autofree char *folded = NULL;

  if (self->needle == NULL)
    return TRUE;
  more = self->kind->dup_searched (item, self->server);
  text = g_strdup_printf ("%s %s", p2p_resource_get_name (item), more);
  folded = g_utf8_casefold (text, -1);
  return strstr (folded, self->needle) != NULL;
}

static const char *
choose_page (P2pResourcePage *self)
{
  P2pServerState state = p2p_server_get_state (self->server);
  unsigned n_items = g_list_model_get_n_items (G_LIST_MODEL (self->kind->get_store (self->server)));

  if (n_items > 0)
    return g_list_model_get_n_items (self->shown) > 0 ? "list" : "nothing-found";
  if (state == P2P_SERVER_LOADING)
    return "loading";
  return state == P2P_SERVER_LOST ? "failed" : "empty";
}

static void
update_page (P2pResourcePage *self)
{
  const char *page = choose_page (self);
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));
  g_autofree char *error = g_markup_escape_text (p2p_server_get_error (self->server), -1);

  gtk_stack_set_visible_child_name (self->pages, page);
  gtk_spinner_set_spinning (self->spinner, g_str_equal (page, "loading"));
  adw_status_page_set_description (self->failed, error);
  if (gtk_widget_get_mapped (GTK_WIDGET (self)) && gtk_root_get_focus (root) == NULL)
    gtk_widget_grab_focus (GTK_WIDGET (self));
}

static void
refreshed_cb (P2pResourcePage *self)
{
  gtk_sorter_changed (self->sorter, GTK_SORTER_CHANGE_DIFFERENT);
  if (self->needle != NULL)
    gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_DIFFERENT);
  update_page (self);
}

static void
search_changed_cb (P2pResourcePage *self)
{
  const char *text = gtk_editable_get_text (GTK_EDITABLE (self->search_entry));

  g_clear_pointer (&self->needle, g_free);
  if (*text != '\0')
    self->needle = g_utf8_casefold (text, -1);
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_DIFFERENT);
  update_page (self);
}

static void
fill_cb (P2pResourceRow *row, P2pResource *resource, gpointer user_data)
{
  P2pResourcePage *self = user_data;

  self->kind->fill (row, resource, self->server);
}

static void
row_setup_cb (P2pResourcePage *self, GtkListItem *item)
{
  gtk_list_item_set_child (item, GTK_WIDGET (p2p_resource_row_new (fill_cb, self)));
}

static void
row_bind_cb (G_GNUC_UNUSED P2pResourcePage *self, GtkListItem *item)
{
  p2p_resource_row_set_resource (P2P_RESOURCE_ROW (gtk_list_item_get_child (item)),
                                 gtk_list_item_get_item (item));
}

static void
row_unbind_cb (G_GNUC_UNUSED P2pResourcePage *self, GtkListItem *item)
{
  p2p_resource_row_set_resource (P2P_RESOURCE_ROW (gtk_list_item_get_child (item)), NULL);
}

static gboolean
p2p_resource_page_grab_focus (GtkWidget *widget)
{
  GtkWidget *list = GTK_WIDGET (P2P_RESOURCE_PAGE (widget)->list);

  /* Entering by Tab finds a row also when the list was empty before; its own grab_focus does not
   * (GTK 4.8). */
  return gtk_widget_grab_focus (list) || gtk_widget_child_focus (list, GTK_DIR_TAB_FORWARD);
}

static void
p2p_resource_page_dispose (GObject *object)
{
  P2pResourcePage *self = P2P_RESOURCE_PAGE (object);

  if (self->list != NULL)
    gtk_list_view_set_model (self->list, NULL); /* the rows' fill needs server and kind */
  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_RESOURCE_PAGE);
  g_clear_object (&self->shown);
  g_clear_object (&self->sorter);
  g_clear_object (&self->filter);
  g_clear_object (&self->server);
  g_clear_pointer (&self->needle, g_free);
  G_OBJECT_CLASS (p2p_resource_page_parent_class)->dispose (object);
}

static void
p2p_resource_page_class_init (P2pResourcePageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = p2p_resource_page_dispose;
  widget_class->grab_focus = p2p_resource_page_grab_focus;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/p2pstream/Admin/resource-page.ui");
  gtk_widget_class_bind_template_child (widget_class, P2pResourcePage, search_bar);
  gtk_widget_class_bind_template_child (widget_class, P2pResourcePage, search_entry);
  gtk_widget_class_bind_template_child (widget_class, P2pResourcePage, pages);
  gtk_widget_class_bind_template_child (widget_class, P2pResourcePage, spinner);
  gtk_widget_class_bind_template_child (widget_class, P2pResourcePage, failed);
  gtk_widget_class_bind_template_child (widget_class, P2pResourcePage, empty);
  gtk_widget_class_bind_template_child (widget_class, P2pResourcePage, list);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
}

static void
p2p_resource_page_init (P2pResourcePage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_search_bar_connect_entry (self->search_bar, GTK_EDITABLE (self->search_entry));
  gtk_search_bar_set_key_capture_widget (self->search_bar, GTK_WIDGET (self));
}

static void
build_list (P2pResourcePage *self)
{
  GListModel *store = G_LIST_MODEL (self->kind->get_store (self->server));
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  GtkSortListModel *sorted;
  GtkSingleSelection *selection;

  self->sorter = GTK_SORTER (gtk_custom_sorter_new (compare_cb, self, NULL));
  self->filter = GTK_FILTER (gtk_custom_filter_new (match_cb, self, NULL));
  sorted = gtk_sort_list_model_new (g_object_ref (store), g_object_ref (self->sorter));
  self->shown = G_LIST_MODEL (
      gtk_filter_list_model_new (G_LIST_MODEL (sorted), g_object_ref (self->filter)));
  selection = gtk_single_selection_new (g_object_ref (self->shown));
  gtk_single_selection_set_autoselect (selection, FALSE);
  gtk_single_selection_set_can_unselect (selection, TRUE);
  g_signal_connect_object (factory, "setup", G_CALLBACK (row_setup_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (factory, "bind", G_CALLBACK (row_bind_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (factory, "unbind", G_CALLBACK (row_unbind_cb), self, G_CONNECT_SWAPPED);
  gtk_list_view_set_factory (self->list, factory);
  gtk_list_view_set_model (self->list, GTK_SELECTION_MODEL (selection));
  g_object_unref (factory);
  g_object_unref (selection);
}

P2pResourcePage *
p2p_resource_page_new (P2pKindId kind, P2pServer *server)
{
  P2pResourcePage *self = g_object_new (P2P_TYPE_RESOURCE_PAGE, NULL);

  self->kind = p2p_kind_get (kind);
  self->server = g_object_ref (server);
  build_list (self);
  adw_status_page_set_icon_name (self->empty, self->kind->icon);
  adw_status_page_set_title (self->empty, _(self->kind->empty_title));
  adw_status_page_set_description (self->empty, _(self->kind->empty_description));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->list), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ (self->kind->title), -1);
  g_signal_connect_object (server, "refreshed", G_CALLBACK (refreshed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (server, "changed", G_CALLBACK (update_page), self, G_CONNECT_SWAPPED);
  update_page (self);
  return self;
}

void
p2p_resource_page_search (P2pResourcePage *self)
{
  gtk_search_bar_set_search_mode (self->search_bar, TRUE);
  gtk_widget_grab_focus (GTK_WIDGET (self->search_entry));
}

void
p2p_resource_page_bind_search (P2pResourcePage *self, GtkToggleButton *button)
{
  g_object_bind_property (self->search_bar, "search-mode-enabled", button, "active",
                          G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
}
