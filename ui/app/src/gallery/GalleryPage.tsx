import { Gallery, useDarkroom, useGallery } from "@darkroom/react";
import { useMemo } from "react";
import { useLocation } from "wouter";

import { Button } from "../ui/Button.js";
import { ButtonLink } from "../ui/ButtonLink.js";
import { Notice } from "../ui/Notice.js";
import { sentenceOf } from "../words/errors.js";
import { Filters } from "./Filters.js";
import css from "./GalleryPage.module.css";
import { useGalleryFilters } from "./useGalleryFilters.js";

/** All finished pictures, newest first. */
export default function GalleryPage() {
  const place = useGalleryFilters();
  const { filters, filter, search, text, model } = place;
  const gallery = useGallery(filters);
  const { jobs, hasNextPage, isPending, error } = gallery;
  const [, go] = useLocation();
  // where this page reaches them: the service tells the address that a proxy may have called it by
  const darkroom = useDarkroom();
  const hung = useMemo(
    () =>
      jobs.map((job) => ({
        ...job,
        images: job.images.map((image) => ({ ...image, url: darkroom.imageUrl(job.job_id, image.index) })),
      })),
    [jobs, darkroom],
  );
  const isFiltered = text !== "" || model !== "";
  return (
    <div className={css.page}>
      <header className={css.head}>
        <h1 className={css.title}>Gallery</h1>
        <Filters place={place} />
      </header>
      {jobs.length > 0 ? (
        <div className={css.wall}>
          <Gallery
            jobs={hung}
            hasMore={hasNextPage}
            onLoadMore={() => {
              gallery.fetchNextPage();
            }}
            onOpen={(jobId) => {
              go(`/jobs/${jobId}${search}`);
            }}
          />
        </div>
      ) : error !== undefined ? (
        <Notice title="The gallery could not be opened" text={sentenceOf(error)} />
      ) : isPending ? (
        <p className="visually-hidden" role="status">
          Opening the gallery
        </p>
      ) : isFiltered ? (
        <Notice title="Nothing like that is here">
          <Button
            onPress={() => {
              filter({ text: "", model: "" });
            }}
          >
            Show everything
          </Button>
        </Notice>
      ) : (
        <Notice title="The walls are empty" text="Every picture that is developed here will hang here.">
          <ButtonLink href="/" variant="primary">
            Develop the first one
          </ButtonLink>
        </Notice>
      )}
    </div>
  );
}
