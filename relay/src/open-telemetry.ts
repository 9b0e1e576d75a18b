import { traceWith } from '@bgs/runtime/service/spans.ts'
import { VERSION } from '@bgs/runtime/service/version.ts'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

/**
 * Hands spans to OpenTelemetry. Loaded only where they are wanted: tracing.ts. Spans that a collector does not take in
 * time are dropped, 2,048 wait at most.
 */
export function openTelemetry(): () => Promise<void> {
  const ours = resourceFromAttributes({ 'service.name': 'relay', 'service.version': VERSION })
  const provider = new TracerProvider({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
    resource: ours.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  })
  const tracer = provider.getTracer('relay', VERSION)
  traceWith((name, attributes) => {
    const kind = name === 'connect host' || name === 'resolve DID' ? SpanKind.CLIENT : SpanKind.INTERNAL
    const span = tracer.startSpan(name, { kind, attributes: { ...attributes } })
    return {
      end: (error) => {
        if (!span.isRecording()) return
        if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error })
        span.end()
      },
    }
  })
  return async () => {
    traceWith(undefined)
    await provider.shutdown().catch(() => undefined)
  }
}
