from django.db import migrations


class Migration(migrations.Migration):
    """Drop the flag for hidden rows; expired rows are deleted instead."""

    dependencies = [("django_celery_results", "0006_taskresult_date_created")]

    operations = [migrations.RemoveField(model_name="taskresult", name="hidden")]
