from django.db import migrations, models


class Migration(migrations.Migration):
    """Let a chord be finished by another process than the one that its last part returned to.

    All columns are nullable: 2.6.0, which does not know them, goes on working on the table.
    """

    dependencies = [("django_celery_results", "0014_alter_taskresult_status")]

    operations = [
        migrations.AddField(
            model_name="chordcounter",
            name="date_created",
            field=models.DateTimeField(
                default=None, help_text="When the chord was applied", null=True, verbose_name="created at"
            ),
        ),
        migrations.AddField(
            model_name="chordcounter",
            name="claimed_at",
            field=models.DateTimeField(
                default=None,
                help_text="When a process took it upon itself to send the body, by the database's clock",
                null=True,
                verbose_name="claimed at",
            ),
        ),
        migrations.AddField(
            model_name="chordcounter",
            name="claimed_by",
            field=models.CharField(
                default=None,
                help_text="Token of the process that sends the body",
                max_length=64,
                null=True,
                verbose_name="claimed by",
            ),
        ),
        migrations.AddField(
            model_name="chordcounter",
            name="body",
            field=models.TextField(
                default=None, help_text="Signature of the body in encoded form", null=True, verbose_name="body"
            ),
        ),
        migrations.AddField(
            model_name="chordcounter",
            name="body_content_type",
            field=models.CharField(
                default=None,
                help_text="MIME type of the stored signature",
                max_length=128,
                null=True,
                verbose_name="body content type",
            ),
        ),
        migrations.AddField(
            model_name="chordcounter",
            name="body_content_encoding",
            field=models.CharField(
                default=None,
                help_text="Text encoding of the stored signature; “binary” means base64",
                max_length=64,
                null=True,
                verbose_name="body encoding",
            ),
        ),
    ]
