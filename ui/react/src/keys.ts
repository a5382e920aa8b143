/** What the query cache calls things. */

/** Which jobs a gallery shows. */
export interface GalleryFilters {
  /** Only this model's jobs; id or alias. */
  model?: string | undefined;
  /** Only jobs whose prompt contains this. */
  text?: string | undefined;
  /** Only jobs in this state. */
  status?: "queued" | "running" | "succeeded" | "failed" | "cancelled" | "expired" | undefined;
}

const ROOT = "darkroom";

/** The keys of all queries, each beginning with the service's address: two providers may share a cache. */
export const keys = {
  all: (baseUrl: string) => [ROOT, baseUrl] as const,
  models: (baseUrl: string) => [ROOT, baseUrl, "models"] as const,
  job: (baseUrl: string, jobId: string) => [ROOT, baseUrl, "job", jobId] as const,
  galleries: (baseUrl: string) => [ROOT, baseUrl, "gallery"] as const,
  gallery: (baseUrl: string, filters: GalleryFilters) => [ROOT, baseUrl, "gallery", filters] as const,
};
