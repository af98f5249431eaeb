from tests.metrics.kpis.publishing import published

__all__ = ["published"]
